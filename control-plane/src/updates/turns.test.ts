import fc from "fast-check";
import { expect, test } from "vitest";
import { createTurns, type Place, type Turns } from "./turns.ts";

interface Asked {
  readonly organizationId: string;
  readonly hostId: string;
  readonly abort: AbortController;
  place?: Place;
  failed?: unknown;
  left?: boolean;
}

function ask(turns: Turns, organizationId: string, hostId: string): Asked {
  const asked: Asked = { organizationId, hostId, abort: new AbortController() };
  turns.take({ organizationId, hostId, signal: asked.abort.signal }).then(
    (place) => (asked.place = place),
    (error: unknown) => (asked.failed = error),
  );
  return asked;
}
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const reads = ({ place, left }: Asked): boolean => place?.signal.aborted === false && left !== true;
const waits = ({ place, failed }: Asked): boolean => place === undefined && failed === undefined;
function leave(one: Asked | undefined): void {
  if (one?.place === undefined) return;
  one.left = true;
  one.place.leave();
}

test("an organization whose hosts hold all that it may leaves places for each other one", async () => {
  const turns = createTurns(16);
  const slow = Array.from({ length: 100 }, (_, host) => ask(turns, "slow", `slow-${host}`));
  await settled();
  expect(slow.filter(reads)).toHaveLength(8);
  const others = ["a", "b", "c"].map((name) => ask(turns, name, name));
  await settled();
  expect(others.every(reads)).toBe(true);
});

test("who waits is served in turns of the organizations, each in the order in which it came", async () => {
  const turns = createTurns(1);
  const first = ask(turns, "a", "a-0");
  const waiting = [ask(turns, "a", "a-1"), ask(turns, "a", "a-2"), ask(turns, "b", "b-1"), ask(turns, "b", "b-2")];
  await settled();
  const served: string[] = [];
  for (let last: Asked | undefined = first; last !== undefined;) {
    served.push(last.hostId);
    leave(last);
    await settled();
    last = waiting.find(reads);
  }
  expect(served).toEqual(["a-0", "a-1", "b-1", "a-2", "b-2"]);
});

test("a host that reads anew has the place of its oldest read, which is told why; others wait no longer for it", async () => {
  const turns = createTurns(8);
  const mine = [1, 2, 3].map(() => ask(turns, "a", "mine"));
  await settled();
  expect(mine.map(reads)).toEqual([false, true, true]);
  expect(mine[0]?.place?.signal.reason).toMatchObject({ code: { code: "WF_UPDATE_FETCHED_ANEW" } });
  const more = Array.from({ length: 20 }, () => ask(turns, "a", "mine"));
  await settled();
  expect([...mine, ...more].filter(reads)).toHaveLength(2);
});

test("whoever comes, reads, leaves and gives up in whatever order: no place is lost, none is given twice, nobody is starved", async () => {
  const happening = fc.record({
    what: fc.constantFrom("asks", "asks", "leaves", "gives up"),
    organization: fc.nat({ max: 3 }),
    host: fc.nat({ max: 5 }),
  });
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 2, max: 12 }), fc.array(happening, { maxLength: 60 }), async (most, all) => {
      const turns = createTurns(most);
      const asked: Asked[] = [];
      for (const { what, organization, host } of all) {
        const hostId = `${organization}-${host}`;
        const one = asked.findLast((before) => before.hostId === hostId && (reads(before) || waits(before)));
        if (what === "asks") asked.push(ask(turns, `o${organization}`, hostId));
        else if (what === "leaves") leave(one);
        else one?.abort.abort();
        await settled();
        const reading = asked.filter(reads);
        const free = most - reading.length;
        expect(free).toBeGreaterThanOrEqual(0);
        for (const { organizationId } of asked.filter(waits))
          expect(reading.filter((other) => other.organizationId === organizationId).length).toBeGreaterThanOrEqual(
            free,
          );
      }
      // With everybody gone, all places are there again: half of them for one that comes alone.
      for (const one of asked) one.abort.abort();
      await settled();
      const fresh = Array.from({ length: most }, (_, host) => ask(turns, "fresh", `fresh-${host}`));
      await settled();
      expect(fresh.filter(reads)).toHaveLength(Math.ceil(most / 2));
    }),
    { numRuns: 200 },
  );
});
