import { expect, test } from "vitest";
import { run } from "./fleet.ts";

// Forty agents and a control plane that is killed: half a minute on a machine that does nothing else.
const TIMEOUT_MS = 180_000;

interface Result {
  readonly detail: {
    readonly handshake: { readonly resumed: number };
    readonly lists: { readonly total: number };
    readonly rollout: { readonly state: string; readonly told: number };
    readonly everywhere: { readonly state: string; readonly told: number };
    readonly fanout: { readonly hosts: number };
    readonly neighbours: {
      readonly sessionsLost: number;
      readonly misdeeds: Record<string, { sent: number; sessions: number }>;
    };
    readonly cut: { readonly sessions: number; readonly resumed: number };
    readonly killed: { readonly sessions: number; readonly resumed: number };
    readonly spool: {
      readonly made: number;
      readonly acknowledged: number;
      readonly dropped: number;
      readonly waiting: number;
    };
    readonly counts: { readonly bodies: number; readonly errors: Record<string, number> };
  };
}

test(
  "forty agents enrol, are told, report, come back after a cut and a kill, and bad neighbours take nothing from them",
  async () => {
    const { detail } = (await run(["--small"])) as Result;
    const { rollout, everywhere, fanout, neighbours, cut, killed, spool, counts } = detail;
    expect(detail.handshake.resumed).toBe(8);
    // With the five that misbehave.
    expect(detail.lists.total).toBe(45);
    expect(rollout).toMatchObject({ state: "STATE_SUCCEEDED", hosts: 20, told: 20 });
    expect(everywhere).toMatchObject({ state: "STATE_SUCCEEDED", hosts: 40, told: 40 });
    expect(fanout).toMatchObject({ hosts: 40 });
    // A body is fetched once by each host that is to run it.
    expect(counts.bodies).toBe(60);
    expect(counts.errors).toEqual({});
    expect(neighbours.sessionsLost).toBe(0);
    // Every one of them got in, so that what it did is what was borne.
    for (const { sessions } of Object.values(neighbours.misdeeds)) expect(sessions).toBeGreaterThan(0);
    // Every agent resumes its TLS session, also with the process that came after the one that was killed.
    expect(cut).toMatchObject({ sessions: 40, resumed: 40 });
    expect(killed).toMatchObject({ sessions: 40, resumed: 40 });
    // What was made is acknowledged or waits; nothing is lost over the cut and the kill.
    expect(spool.dropped).toBe(0);
    expect(spool.acknowledged + spool.waiting).toBe(spool.made);
    expect(spool.acknowledged).toBeGreaterThan(0);
  },
  TIMEOUT_MS,
);
