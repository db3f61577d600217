import { describe, expect, test } from "vitest";
import type { ChaosRecord, HostTruth, Span } from "./record.ts";
import { judge, longestReturnMs, type Shown } from "./verdict.ts";

const T = Date.parse("2026-11-22T12:00:00Z");
const at = (seconds: number): number => T + seconds * 1000;
const span = (from: number, to: number): Span => ({ from: at(from), to: at(to) });
const UNTIL = at(300);
// A figure each 5 s.
const steady = (from: number, to: number): number[] =>
  Array.from({ length: Math.floor((to - from) / 5) + 1 }, (_, i) => at(from + 5 * i));

interface Story {
  readonly host?: Partial<HostTruth>;
  readonly record?: Partial<ChaosRecord>;
  readonly shown?: Partial<Shown>;
}

function recordOf({ host, record }: Story): ChaosRecord {
  const truth: HostTruth = {
    name: "host1",
    hostId: "hst_1",
    unreachable: [],
    agentDown: [],
    skewed: [],
    engineDown: [],
  };
  return {
    hosts: [{ ...truth, ...host }],
    serverDown: [],
    markers: [],
    presences: [],
    acknowledged: { revisions: [], rolloutIds: [] },
    refusals: new Map(),
    ...record,
  };
}

function broken(story: Story): string[] {
  const shown: Shown = {
    rollouts: new Map(),
    revisions: [],
    deaths: new Map(),
    samples: new Map([["hst_1", steady(0, 300)]]),
    ...story.shown,
  };
  return judge(recordOf(story), shown, UNTIL);
}

const seen = (seconds: number, presence: string): ChaosRecord["presences"][number] => {
  return { at: at(seconds), hostId: "hst_1", presence };
};

test("nothing happened, nothing is broken", () => {
  expect(broken({})).toEqual([]);
});

describe("what was acknowledged", () => {
  const acknowledged = { revisions: [3], rolloutIds: ["rol_1"] };

  test("may end any way, as long as it ends", () => {
    const rollouts = new Map([["rol_1", "STATE_SUPERSEDED"]]);
    expect(broken({ record: { acknowledged }, shown: { rollouts, revisions: [1, 3] } })).toEqual([]);
  });
  test("is missed when it is gone, or has no end", () => {
    const rollouts = new Map([["rol_1", "STATE_RUNNING"]]);
    expect(broken({ record: { acknowledged } })).toHaveLength(2);
    expect(broken({ record: { acknowledged }, shown: { rollouts, revisions: [3] } })).toEqual([
      "rollout rol_1 has no end: it is STATE_RUNNING",
    ]);
  });
});

describe("markers", () => {
  const markers = [{ host: 0, containerId: "c1", at: at(100) }];

  test("are told once", () => {
    expect(broken({ record: { markers }, shown: { deaths: new Map([["c1", 1]]) } })).toEqual([]);
    expect(broken({ record: { markers }, shown: { deaths: new Map([["c1", 2]]) } })).toHaveLength(1);
    expect(broken({ record: { markers } })).toHaveLength(1);
  });
  test("do not count when agent or engine were down around them", () => {
    expect(broken({ record: { markers }, host: { engineDown: [span(96, 98)] } })).toEqual([]);
  });
});

describe("presence", () => {
  test("offline is a lie while the host was there for long", () => {
    expect(broken({ record: { presences: [seen(200, "PRESENCE_OFFLINE")] } })).toHaveLength(1);
    const host = { unreachable: [span(50, 170)] };
    expect(broken({ host, record: { presences: [seen(200, "PRESENCE_OFFLINE")] } })).toEqual([]);
  });
  test("online is a lie 50 s after the host was gone", () => {
    const host = { unreachable: [span(50, 170)] };
    expect(broken({ host, record: { presences: [seen(99, "PRESENCE_ONLINE")] } })).toEqual([]);
    expect(broken({ host, record: { presences: [seen(105, "PRESENCE_ONLINE")] } })).toHaveLength(1);
    expect(broken({ host, record: { presences: [seen(150, "PRESENCE_STALE")] } })).toHaveLength(1);
  });
  test("a control plane that was away itself may say what it last knew", () => {
    const host = { unreachable: [span(50, 170)] };
    const record = { serverDown: [span(90, 100)], presences: [seen(105, "PRESENCE_ONLINE")] };
    expect(broken({ host, record })).toEqual([]);
  });
  test("the return is measured from the end of the disturbance", () => {
    const host = { unreachable: [span(50, 170)] };
    const presences = [seen(171, "PRESENCE_OFFLINE"), seen(175, "PRESENCE_ONLINE")];
    const record = recordOf({ host, record: { presences } });
    expect(longestReturnMs(record.hosts[0] ?? expect.fail(), record)).toBe(5000);
  });
});

describe("figures", () => {
  test("have no hole while the agent runs, whatever the link does", () => {
    const samples = new Map([["hst_1", [...steady(0, 100), ...steady(150, 300)]]]);
    const cut = { host: { unreachable: [span(100, 150)] }, shown: { samples } };
    expect(broken(cut)).toHaveLength(1);
    const killed = { host: { agentDown: [span(110, 145)] }, shown: { samples } };
    expect(broken(killed)).toEqual([]);
  });
  test("none at all is a hole, and none comes twice", () => {
    expect(broken({ shown: { samples: new Map([["hst_1", [at(0)]]]) } })).toHaveLength(1);
    const twice = [...steady(0, 100), ...steady(100, 300)];
    expect(broken({ shown: { samples: new Map([["hst_1", twice]]) } })).toHaveLength(1);
  });
});
