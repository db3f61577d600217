import type { Rollout, RolloutHost, RolloutHost_State } from "@windflow/proto/client";
import { describe, expect, test } from "vitest";
import { countGroups, countWaves, hostRows, probeCounts } from "./host-rows.ts";
import { actsOf, failedHosts, wayBack } from "./rollout-acts.ts";
import { secondsUntil, waitOf } from "./rollout-wait.ts";

const host = (hostName: string, state: RolloutHost_State, more: RolloutHost = {}): RolloutHost => ({
  hostId: hostName,
  hostName,
  state,
  wave: 1,
  ...more,
});
const HOSTS = [
  host("b", "STATE_SUCCEEDED", { previousRevision: 6, startedAt: "2026-01-01T00:00:00Z" }),
  host("a", "STATE_SUCCEEDED", { previousRevision: 0 }),
  host("c", "STATE_FAILED", { previousRevision: 5 }),
  host("d", "STATE_NOT_REACHED", { previousRevision: 6, startedAt: "2026-01-01T00:00:00Z" }),
  host("e", "STATE_NOT_REACHED", { previousRevision: 6, wave: 2 }),
  host("f", "STATE_PENDING", { previousRevision: 6, wave: 2 }),
];
const running: Rollout = { state: "STATE_RUNNING", kind: "KIND_DEPLOY", hosts: HOSTS, hostsFailed: 1 };

describe("what may be done", () => {
  test("a running rollout is paused, cancelled, retried and rolled back; an ended one is left alone", () => {
    expect(actsOf(running)).toEqual({
      pause: true,
      resume: false,
      cancel: true,
      approve: 0,
      retry: true,
      rollBack: true,
    });
    expect(actsOf({ ...running, state: "STATE_PAUSED" })).toMatchObject({ pause: false, resume: true, cancel: true });
    expect(actsOf({ ...running, state: "STATE_FAILED" })).toMatchObject({
      pause: false,
      cancel: false,
      retry: true,
      rollBack: true,
    });
    for (const state of ["STATE_SUCCEEDED", "STATE_CANCELLED", "STATE_SUPERSEDED", "STATE_ROLLED_BACK"] as const)
      expect(Object.values(actsOf({ ...running, state })).some(Boolean), state).toBe(false);
    expect(actsOf({ ...running, state: "STATE_ROLLING_BACK" })).toMatchObject({
      pause: false,
      cancel: false,
      rollBack: false,
    });
  });
  test("only the wave that waits for approval is approved", () => {
    const waves = [
      { number: 1, state: "STATE_PASSED" as const },
      { number: 2, state: "STATE_AWAITING_APPROVAL" as const, name: "rest" },
    ];
    expect(actsOf({ ...running, state: "STATE_WAITING", waves }).approve).toBe(2);
    expect(actsOf({ ...running, state: "STATE_FAILED", waves }).approve).toBe(0);
  });
  test("the way back counts only hosts that were touched, each to its own revision", () => {
    expect(wayBack(running)).toEqual({
      to: [
        [6, 2],
        [5, 1],
      ],
      removed: 1,
      away: 1,
    });
    expect(failedHosts(running).map(({ hostId }) => hostId)).toEqual(["c"]);
  });
  test("taking a stack off is not rolled back", () => {
    expect(actsOf({ ...running, kind: "KIND_REMOVE" }).rollBack).toBe(false);
  });
});

describe("what is waited for", () => {
  const waves = [
    { number: 1, state: "STATE_PASSED" as const, pauseSeconds: 60 },
    { number: 2, state: "STATE_PENDING" as const, name: "rest" },
  ];
  test("each kind is stated, with its wave and its end", () => {
    const waiting: Rollout = {
      state: "STATE_WAITING",
      waves,
      waitingFor: "WAIT_PAUSE",
      waitingUntil: "2026-01-01T00:10:00Z",
    };
    expect(waitOf(waiting)).toEqual({ kind: "pause", wave: 2, waveName: "rest", until: "2026-01-01T00:10:00Z" });
    expect(waitOf({ ...waiting, waitingFor: "WAIT_HOSTS", waitingUntil: undefined })).toEqual({
      kind: "hosts",
      wave: 0,
      waveName: "",
      until: undefined,
    });
    expect(waitOf({ ...waiting, state: "STATE_PAUSED" })).toBeUndefined();
    expect(waitOf({ ...waiting, waitingFor: "WAIT_UNSPECIFIED" })).toBeUndefined();
  });
  test("time that has passed is no time", () => {
    const now = Date.parse("2026-01-01T00:09:30Z");
    expect(secondsUntil("2026-01-01T00:10:00Z", now)).toBe(30);
    expect(secondsUntil("2026-01-01T00:00:00Z", now)).toBe(0);
    expect(secondsUntil(undefined, now)).toBeUndefined();
  });
});

describe("the hosts of a rollout", () => {
  test("what needs a person comes first, then by wave and name", () => {
    const names = (filter: Partial<Parameters<typeof hostRows>[1]>): string =>
      hostRows(HOSTS, { group: "all", wave: 0, text: "", ...filter })
        .map(({ hostName }) => hostName)
        .join("");
    expect(names({})).toBe("cdefab");
    expect(names({ wave: 2 })).toBe("ef");
    expect(names({ group: "succeeded" })).toBe("ab");
    expect(names({ text: "A" })).toBe("a");
    expect([...countGroups(HOSTS)]).toEqual([
      ["succeeded", 2],
      ["failed", 1],
      ["notReached", 2],
      ["pending", 1],
    ]);
  });
  test("each wave has its counts", () => {
    const counts = [...countWaves(HOSTS)].map(([wave, groups]) => [wave, Object.fromEntries(groups)]);
    expect(counts).toEqual([
      [1, { succeeded: 2, failed: 1, notReached: 1 }],
      [2, { notReached: 1, pending: 1 }],
    ]);
  });
  test("probes are counted", () => {
    expect(probeCounts(host("a", "STATE_APPLYING"))).toBeUndefined();
    expect(probeCounts(host("a", "STATE_APPLYING", { probes: [{ passed: true }, { passed: false }] }))).toEqual({
      passed: 1,
      all: 2,
    });
  });
});
