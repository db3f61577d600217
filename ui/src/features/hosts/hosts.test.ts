import { describe, expect, test } from "vitest";
import { containerStatus } from "../containers/container-state.ts";
import { underWay } from "../rollouts/rollout-state.ts";
import { cameWith } from "./arrivals.ts";
import { presenceOf } from "./presence.ts";

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
