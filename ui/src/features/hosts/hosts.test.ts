import { describe, expect, test } from "vitest";
import { containerStatus } from "../containers/container-state.ts";
import { underWay } from "../rollouts/rollout-state.ts";
import { cameWith } from "./arrivals.ts";
import { skewWorthSaying, truthAge } from "./host-truth.ts";
import { presenceOf } from "./presence.ts";
import { lateBy, toggled } from "./timeline-entry.ts";

describe("a host that came in", () => {
  const token = { createdAt: "2026-11-22T12:00:00.900Z", labels: { site: "paris" } };

  test("is one that enrolled since the line was shown, with the line's labels", () => {
    const host = { enrolledAt: "2026-11-22T12:00:05Z", labels: { site: "paris", rack: "r1" } };
    expect(cameWith(host, token)).toBe(true);
    expect(cameWith({ ...host, labels: { site: "lyon" } }, token)).toBe(false);
    expect(cameWith({ ...host, enrolledAt: "2026-11-22T11:59:59Z" }, token)).toBe(false);
    expect(cameWith({ labels: { site: "paris" } }, token)).toBe(false);
  });
});

test("what is not known is not called offline", () => {
  expect(presenceOf({})).toBe("unknown");
  expect(presenceOf({ presence: "PRESENCE_NEVER_SEEN" })).toBe("neverSeen");
});

test("a container is not called running when it is unhealthy, nor exited when it failed", () => {
  expect(containerStatus({ state: "STATE_RUNNING", health: "HEALTH_UNHEALTHY" })).toBe("unhealthy");
  expect(containerStatus({ state: "STATE_RUNNING", health: "HEALTH_NONE" })).toBe("running");
  expect(containerStatus({ state: "STATE_EXITED", exitCode: 1 })).toBe("failed");
  expect(containerStatus({ state: "STATE_EXITED", exitCode: 143 })).toBe("exited");
  expect(containerStatus({ state: "STATE_EXITED", exitCode: 0 })).toBe("exited");
});

test("a rollout that waits for hosts is still under way", () => {
  expect([underWay({ state: "STATE_WAITING" }), underWay({ state: "STATE_FAILED" }), underWay(undefined)]).toEqual([
    true,
    false,
    false,
  ]);
});

describe("what is shown of a host", () => {
  const at = "2026-11-22T12:00:00Z";
  test("has an age: now, the last that is known since when, or nothing at all", () => {
    expect(truthAge({ presence: "PRESENCE_ONLINE", lastSeenAt: at })).toEqual({ kind: "now", at });
    const offline = { presence: "PRESENCE_OFFLINE", lastSeenAt: at, presenceSince: "2026-11-22T12:01:30Z" } as const;
    expect(truthAge(offline)).toEqual({ kind: "last", at, since: "2026-11-22T12:01:30Z" });
    expect(truthAge({ presence: "PRESENCE_NEVER_SEEN" })).toEqual({ kind: "never" });
  });
  test("names a clock that is off by more than two seconds", () => {
    expect([2, -2.5, 0.1].map((clockSkewSeconds) => skewWorthSaying({ facts: { clockSkewSeconds } }))).toEqual([
      0, -2.5, 0,
    ]);
  });
  test("marks what came late from the host's spool", () => {
    expect(lateBy({ at, receivedAt: "2026-11-22T12:03:10Z" })).toBe(190);
    expect(lateBy({ at, receivedAt: "2026-11-22T12:00:02Z" })).toBeUndefined();
    expect(lateBy({ at })).toBeUndefined();
  });
  test("is narrowed to kinds, in their own order", () => {
    expect(toggled(toggled(["person"], "session"), "drift")).toEqual(["session", "drift", "person"]);
    expect(toggled(["session"], "session")).toEqual([]);
  });
});
