import fc from "fast-check";
import { expect, test } from "vitest";
import { createWantedLayers, type PeerAnswer } from "./wanted-layers.ts";

const DIGEST = `sha256:${"a".repeat(64)}`;

interface Host {
  readonly id: string;
  readonly layers: ReturnType<typeof createWantedLayers>;
  has: boolean;
  isFetching: boolean;
  /** Of the round that it is in; undefined while it asks nobody. */
  answers: PeerAnswer[] | undefined;
}

/** One host takes its next step: it begins a round, asks the next one, or decides. */
function step(host: Host, hosts: readonly Host[]): void {
  if (host.has || host.isFetching) return;
  if (host.answers === undefined) {
    host.layers.begin(DIGEST);
    host.answers = [];
    return;
  }
  const others = hosts.filter((other) => other !== host);
  const next = others[host.answers.length];
  if (next !== undefined) {
    host.answers.push({ hostId: next.id, standing: next.has ? "have" : next.layers.answer(DIGEST, host.id) });
    return;
  }
  const decision = host.layers.decide(DIGEST, host.answers);
  host.answers = undefined;
  if (decision.act === "take") host.has = true;
  if (decision.act === "fetch") host.isFetching = true;
}

test("however the hosts of a site take turns, one fetches over the link, and all have it in the end", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 2, max: 5 }),
      fc.array(fc.nat({ max: 4 }), { maxLength: 120 }),
      fc.nat({ max: 100 }),
      (count, turns, fetchedAfter) => {
        const hosts: Host[] = Array.from({ length: count }, (_, i) => ({
          id: `hst_${i}`,
          layers: createWantedLayers(`hst_${i}`),
          has: false,
          isFetching: false,
          answers: undefined,
        }));
        let fetches = 0;
        const turn = (i: number): void => {
          const host = hosts[i % count];
          if (host === undefined) return;
          const before = host.isFetching;
          step(host, hosts);
          if (!before && host.isFetching) fetches++;
        };
        const finish = (): void => {
          for (const host of hosts.filter(({ isFetching }) => isFetching)) {
            host.isFetching = false;
            host.has = true;
            host.layers.end(DIGEST);
          }
        };
        for (const [n, i] of turns.entries()) {
          if (n === fetchedAfter) finish();
          turn(i);
        }
        for (let n = 0; n < 200; n++) {
          turn(n);
          if (n % 40 === 39) finish();
        }
        finish();
        for (let n = 0; n < 100; n++) turn(n);
        expect(hosts.every(({ has }) => has)).toBe(true);
        expect(fetches).toBe(1);
      },
    ),
    { numRuns: 2_000 },
  );
});

test("one that gave up is not waited for", () => {
  const [a, b] = [createWantedLayers("hst_a"), createWantedLayers("hst_b")];
  a.begin(DIGEST);
  expect(a.decide(DIGEST, [])).toEqual({ act: "fetch" });
  b.begin(DIGEST);
  expect(b.decide(DIGEST, [{ hostId: "hst_a", standing: a.answer(DIGEST, "hst_b") }])).toEqual({ act: "wait" });
  a.end(DIGEST);
  b.begin(DIGEST);
  expect(b.decide(DIGEST, [{ hostId: "hst_a", standing: a.answer(DIGEST, "hst_b") }])).toEqual({ act: "fetch" });
});
