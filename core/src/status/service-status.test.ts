import fc from "fast-check";
import { expect, test } from "vitest";
import type { ComposeService } from "../compose/model.ts";
import type { ContainerState, ObservedContainer } from "../reconcile/observed.ts";
import { service, stack, stranger } from "../reconcile/testing/small-world.ts";
import { serviceStatus, stackStatus, type Activity, type StatusInput } from "./service-status.ts";

const NOW = 1_000_000;
const QUIET: Activity = { pulling: new Map(), failing: new Map(), waiting: new Map() };

function container(extra: Partial<ObservedContainer>, name = "web", number = 1): ObservedContainer {
  const labels = { "com.docker.compose.service": name, "com.docker.compose.container-number": String(number) };
  return stranger(`shop-${name}-${number}`, { labels, ...extra });
}

function input(
  containers: ObservedContainer[] | undefined,
  extra: Partial<StatusInput> = {},
  web: Partial<ComposeService> = {},
): StatusInput {
  return { stack: stack({ web: service(web) }), containers, holds: [], activity: QUIET, now: NOW, ...extra };
}

const detail = { createdAt: 0, startedAt: NOW - 60_000, restartCount: 0, outOfMemory: false };

test.each<[string, Partial<ObservedContainer>, Partial<ComposeService>, string, string]>([
  ["running", { state: "running" }, {}, "running", "it runs"],
  ["healthy", { state: "running", health: "healthy" }, {}, "running", "its healthcheck passes"],
  ["health starting", { state: "running", health: "starting" }, {}, "starting", "its healthcheck has not passed yet"],
  [
    "unhealthy",
    { state: "running", health: "unhealthy", detail: { ...detail, healthOutput: "connection refused" } },
    {},
    "unhealthy",
    "connection refused",
  ],
  [
    "restarting",
    { state: "restarting", exitCode: 1, detail: { ...detail, restartCount: 4 } },
    {},
    "crash-looping",
    "it keeps ending with exit code 1, restarted 4 times",
  ],
  [
    "up again a moment ago",
    { state: "running", detail: { ...detail, startedAt: NOW - 2_000, restartCount: 3 } },
    {},
    "crash-looping",
    "it started again a moment ago, restarted 3 times",
  ],
  ["long since up again", { state: "running", detail: { ...detail, restartCount: 3 } }, {}, "running", "it runs"],
  ["completed", { state: "exited", exitCode: 0 }, {}, "completed", "it ran to its end"],
  [
    "failed",
    { state: "exited", exitCode: 137, detail: { ...detail, outOfMemory: true } },
    {},
    "failed",
    "it ended with exit code 137, out of memory",
  ],
  [
    "to be started",
    { state: "exited", exitCode: 1 },
    { restart: "always" },
    "pending",
    "it ended with exit code 1, restart is always; it is to be started",
  ],
  ["created", { state: "created" }, {}, "pending", "created, not started yet"],
  ["paused", { state: "paused" }, {}, "stopped", "paused on the host"],
  ["dead", { state: "dead" }, {}, "failed", "the engine could neither start nor remove it"],
])("%s", (_what, observed, web, state, cause) => {
  expect(serviceStatus(input([container(observed)], {}, web), "web")).toMatchObject({ state, cause });
});

test("an engine that cannot be asked makes it unknown, not stopped", () => {
  const status = stackStatus(input(undefined, { engineError: "the engine cannot be reached: connect ENOENT" }));
  expect(status).toMatchObject({ state: "unknown", cause: "the engine cannot be reached: connect ENOENT" });
});

test("a missing container says what it waits for, what is pulled and what fails, the gravest first", () => {
  const waiting = new Map([["web", "waits for shop-db-1 to be healthy"]]);
  const pulling = new Map([["web", "pulling app:1: 1 of 3 layers, 40 %"]]);
  const failing = new Map([["web", "port is already allocated"]]);
  const state = (activity: Activity): string => serviceStatus(input([], { activity }), "web").state;
  expect(state(QUIET)).toBe("pending");
  expect(state({ ...QUIET, waiting })).toBe("pending");
  expect(state({ ...QUIET, waiting, pulling })).toBe("pulling");
  expect(state({ waiting, pulling, failing })).toBe("failed");
});

test("held is stopped, also while it is still there", () => {
  const holds = [{ stackId: "stk_shop", revision: 1, service: "web", number: 1 }];
  expect(serviceStatus(input([container({ state: "exited", exitCode: 0 })], { holds }), "web")).toMatchObject({
    state: "stopped",
    cause: "an operator stopped it",
  });
});

test("replicas: the gravest counts, with how many", () => {
  const containers = [container({ state: "running" }, "web", 1), container({ state: "exited", exitCode: 1 }, "web", 2)];
  expect(serviceStatus(input(containers, {}, { scale: 2 }), "web")).toMatchObject({
    state: "failed",
    cause: "it ended with exit code 1 (1 of 2)",
  });
});

test("a stack with a finished one-shot runs", () => {
  const twoServices = stack({ migrate: service(), web: service() });
  const containers = [container({ state: "exited", exitCode: 0 }, "migrate"), container({ state: "running" })];
  expect(stackStatus({ ...input(containers), stack: twoServices })).toMatchObject({
    state: "running",
    cause: "1 of 2 services run",
  });
});

const states: ContainerState[] = ["created", "running", "paused", "restarting", "removing", "exited", "dead"];

test("every world has a state with a cause, and a stack runs only if no service is in trouble", () => {
  const observed = fc.record({
    state: fc.constantFrom(...states),
    health: fc.constantFrom("none" as const, "starting" as const, "healthy" as const, "unhealthy" as const),
    exitCode: fc.nat({ max: 255 }),
    restarts: fc.nat({ max: 3 }),
    ago: fc.nat({ max: 30_000 }),
  });
  fc.assert(
    fc.property(
      fc.array(observed, { maxLength: 3 }),
      fc.constantFrom("no", "always", "on-failure"),
      (list, restart) => {
        const containers = list.map(({ state, health, exitCode, restarts, ago }, i) =>
          container(
            { state, health, exitCode, detail: { ...detail, restartCount: restarts, startedAt: NOW - ago } },
            "web",
            i + 1,
          ),
        );
        const status = stackStatus(input(containers, {}, { restart, scale: 3 }));
        expect(status.cause).not.toBe("");
        expect(status.services[0]?.cause).not.toBe("");
        const runningCount = containers.filter(({ state }) => state === "running").length;
        expect(status.state !== "running" || runningCount === 3).toBe(true);
      },
    ),
  );
});
