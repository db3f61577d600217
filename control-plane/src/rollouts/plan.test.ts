import { expect, test } from "vitest";
import type { HostView, Rollout, RolloutHost, StackReport } from "./model.ts";
import { planRollout } from "./plan.ts";
import { formatPlan } from "./plan-steps.ts";
import { plainStrategy } from "./strategy.ts";

const NOW = 1_000_000;
const rollout: Rollout = {
  id: "rol_1",
  stackId: "stk_1",
  kind: "deploy",
  revision: 2,
  state: "pending",
  cause: "",
  strategy: plainStrategy,
  waves: [{ name: "all hosts", pauseMs: 0, needsApproval: false, maxParallel: 0, startedAt: 0 }],
  excusedFailures: 0,
  ignoreWindows: false,
  overrideLocalHolds: false,
};
const running: Rollout = { ...rollout, state: "running", cause: "0 of 1 host done" };
const withStrategy = (more: Partial<typeof plainStrategy>): Rollout => ({
  ...running,
  strategy: { ...plainStrategy, ...more },
});
const host = (hostName: string, more: Partial<RolloutHost> = {}): RolloutHost => ({
  hostId: `hst_${hostName}`,
  hostName,
  action: "deploy",
  wave: 1,
  state: "pending",
  cause: "",
  previousRevision: 1,
  retries: 0,
  touched: false,
  ...more,
});
const begun = (hostName: string, more: Partial<RolloutHost> = {}): RolloutHost =>
  host(hostName, {
    state: "applying",
    cause: "begun",
    touched: true,
    generation: { term: 1n, n: 5n },
    deadlineAt: NOW + 300_000,
    ...more,
  });
const online: HostView = { reach: "reached", reachCause: "online", reachedSince: 0 };
const away: HostView = { reach: "not-reached", reachCause: "offline since 14:02" };
const reporting = (report: Partial<StackReport>, more: Partial<HostView> = {}): HostView => ({
  ...online,
  observedGeneration: { term: 1n, n: 5n },
  receivedAt: NOW,
  stack: { revision: 2, converged: true, problem: "", containers: 1, waitingFor: "", ...report },
  ...more,
});
const plan = (of: Rollout, hosts: RolloutHost[], views: Record<string, HostView>, now: number = NOW): string => {
  const byId = new Map(Object.entries(views).map(([name, view]) => [`hst_${name}`, view]));
  const made = planRollout(of, hosts, byId, now);
  return [formatPlan(made), made.wakeAt === undefined ? "" : `wake in ${made.wakeAt - now} ms`]
    .filter(Boolean)
    .join("\n");
};

test("begins every host that is reached, and calls the others not reached", () => {
  expect(plan(rollout, [host("a"), host("b")], { a: online, b: away })).toBe(
    [
      "begin-host host a: the host must run revision 2",
      "set-host host b → not-reached: offline since 14:02",
      "set-rollout rollout rol_1 → running: 0 of 2 hosts done, 1 not reached",
    ].join("\n"),
  );
});

test("begins no more than max_parallel hosts at a time", () => {
  const views = { a: reporting({ converged: false }), b: online, c: online };
  expect(plan(withStrategy({ maxParallel: 1 }), [begun("a"), host("b"), host("c")], views)).toContain(
    "set-host host b → pending: waits until fewer than 1 hosts are under way",
  );
  const done = [begun("a", { state: "succeeded" }), host("b"), host("c")];
  expect(plan(withStrategy({ maxParallel: 1 }), done, views)).toContain("begin-host host b");
});

test("a host that went back to what it ran before has failed, with its reason", () => {
  const back = reporting({ converged: false, problem: "web: it failed", failedAttempt: "rol_1" });
  expect(plan(running, [begun("a")], { a: back })).toContain("set-host host a → failed: web: it failed");
  const other = reporting({ converged: false, problem: "web: it failed", failedAttempt: "rol_0" });
  expect(plan(running, [begun("a")], { a: other })).toContain("set-host host a → applying");
});

test("a report about an older desired state says nothing", () => {
  const old = reporting({ healthyForMs: 99_000 }, { observedGeneration: { term: 1n, n: 4n } });
  expect(plan(running, [begun("a")], { a: old })).toBe(
    "set-host host a → applying: the host has not taken the desired state yet\nwake in 300000 ms",
  );
});

test("converged is not enough: the health gate's time must run, on the host's clock", () => {
  expect(plan(running, [begun("a")], { a: reporting({ waitingFor: "db is starting" }) })).toContain(
    "set-host host a → checking-health: db is starting",
  );
  const young = { a: reporting({ healthyForMs: 500 }) };
  const checking = [begun("a", { state: "checking-health" })];
  expect(plan(running, checking, young)).toContain("wake in 1500 ms");
  expect(plan(running, checking, young, NOW + 1500)).toBe(
    [
      "pass-wave wave 1 (all hosts): 1 of 1 host passed",
      "set-host host a → succeeded: every service was running and healthy for 2 s",
      "set-rollout rollout rol_1 → succeeded: 1 host passed the health gate",
    ].join("\n"),
  );
});

test("a host that was healthy long before passes at once", () => {
  expect(plan(running, [begun("a")], { a: reporting({ healthyForMs: 60_000 }) })).toContain("→ succeeded");
});

test("a container that ended for good fails the host, unless it is replaced at once", () => {
  const ended = { cause: "web exited with code 1", forMs: 0, neverRan: false };
  const views = { a: reporting({ converged: false, ended, problem: "web exited with code 1" }) };
  expect(plan(running, [begun("a")], views)).toContain("wake in 5000 ms");
  expect(plan(running, [begun("a")], views, NOW + 5000)).toContain("set-host host a → failed: web exited with code 1");
});

test("an image that cannot be had is tried again for a while", () => {
  const ended = { cause: "web: no such image", forMs: 0, neverRan: true };
  const views = { a: reporting({ converged: false, ended, problem: "no such image" }) };
  expect(plan(running, [begun("a")], views, NOW + 5000)).toContain("wake in 25000 ms");
  expect(plan(running, [begun("a")], views, NOW + 30_000)).toContain("→ failed: web: no such image");
});

test("a container of the revision before that had ended already does not fail the new one", () => {
  const ended = { cause: "bad exited with code 3", forMs: 60_000, neverRan: false };
  const views = { a: reporting({ converged: false, ended, problem: "pull of bad:2" }) };
  expect(plan(running, [begun("a")], views)).toContain("set-host host a → applying: pull of bad:2");
  // Nothing is left to do on the host: it will not be replaced.
  expect(plan(running, [begun("a")], { a: reporting({ ended }) })).toContain("→ failed: bad exited with code 3");
});

test("a deadline fails a host that is heard of, with the reason, and not one that is away or just back", () => {
  const late = NOW + 300_000;
  const pulling = reporting({ converged: false, problem: "pull of shop/web:2 failed: no such host" });
  expect(plan(running, [begun("a")], { a: pulling }, late)).toBe(
    [
      "set-host host a → failed: not healthy within 300 s: pull of shop/web:2 failed: no such host",
      "set-rollout rollout rol_1 → failed: 1 of 1 host failed: a: not healthy within 300 s: pull of shop/web:2 failed: no such host",
    ].join("\n"),
  );
  expect(plan(running, [begun("a")], { a: { ...pulling, reach: "uncertain" } }, late)).toBe("");
  expect(plan(running, [begun("a")], { a: { ...pulling, ...away } }, late)).toContain("→ not-reached");
  expect(plan(running, [begun("a")], { a: { ...pulling, reachedSince: late } }, late)).toContain("wake in 30000 ms");
  expect(plan(running, [begun("a")], { a: { ...pulling, reachedSince: NOW } }, late)).toContain("→ failed");
});

test("what the host refuses fails at once, and does not stay in its desired state", () => {
  const refused = { generation: { term: 1n, n: 5n }, cause: "WF_LOCAL_POLICY: privileged is not allowed here" };
  expect(plan(running, [begun("a")], { a: { ...online, refused } })).toContain(
    [
      "set-host host a → failed: WF_LOCAL_POLICY: privileged is not allowed here",
      "restore-host host a: it refused the revision: it must run what it ran before",
    ].join("\n"),
  );
  const leaving = begun("a", { action: "remove" });
  expect(plan(running, [leaving], { a: { ...online, refused } })).not.toContain("restore-host");
});

test("what another desired state was refused with, before this one was taken, is given up by its deadline", () => {
  const refused = { generation: { term: 1n, n: 6n }, cause: "WF_LOCAL_POLICY: privileged is not allowed here" };
  const late = NOW + 300_000;
  const untaken: HostView = { ...online, refused };
  expect(plan(running, [begun("a")], { a: untaken })).not.toContain("failed");
  expect(plan(running, [begun("a")], { a: untaken }, late)).toContain(
    [
      "set-host host a → failed: not healthy within 300 s: the host has not taken the desired state yet: WF_LOCAL_POLICY: privileged is not allowed here",
      "restore-host host a: it refused the revision: it must run what it ran before",
    ].join("\n"),
  );
  const taken = reporting({ converged: false, problem: "no such image" }, { refused });
  expect(plan(running, [begun("a")], { a: taken }, late)).not.toContain("restore-host");
});

test("over the failure budget nothing more is begun, and what is under way goes on", () => {
  const hosts = [
    begun("a", { state: "failed", cause: "x" }),
    begun("b"),
    host("c"),
    host("d", { state: "not-reached" }),
  ];
  expect(plan(running, hosts, { b: reporting({ converged: false }), c: online, d: away })).toBe(
    [
      "set-host host b → applying: the host applies the plan",
      "set-host host c → cancelled: not begun: 1 host failed",
      "set-host host d → cancelled: not begun: 1 host failed",
      "set-rollout rollout rol_1 → running: 0 of 4 hosts done, 1 failed",
      "wake in 300000 ms",
    ].join("\n"),
  );
  expect(plan(withStrategy({ failureBudget: 1 }), hosts, { b: reporting({}), c: online })).toContain(
    "begin-host host c",
  );
});

test("waits for hosts that are away, and goes on with a new deadline when they return", () => {
  const hosts = [begun("a", { state: "succeeded" }), begun("b", { state: "not-reached", cause: "offline" })];
  expect(plan(running, hosts, { b: away })).toContain("→ waiting: 1 host not reached; it goes on when they return");
  const back = planRollout(running, hosts, new Map([["hst_b", online]]), NOW + 500_000);
  expect(back.steps[0]).toMatchObject({ op: "set-host", state: "applying", deadlineAt: NOW + 800_000 });
});

test("removal is done when the host reports neither the stack nor a container of it", () => {
  const remove: Rollout = { ...running, kind: "remove" };
  const leaving = begun("a", { action: "remove" });
  expect(plan(remove, [leaving], { a: reporting({ containers: 2, revision: 1 }) })).toContain(
    "applying: 2 containers are left",
  );
  const { stack: _gone, ...off } = reporting({});
  expect(plan(remove, [leaving], { a: off })).toBe(
    [
      "pass-wave wave 1 (all hosts): 1 of 1 host passed",
      "set-host host a → succeeded: the stack is off the host",
      "set-rollout rollout rol_1 → succeeded: the stack is off 1 host",
    ].join("\n"),
  );
});

test("cancelled and superseded rollouts end at once and leave ended hosts as they are", () => {
  const hosts = [begun("a", { state: "succeeded", cause: "ok" }), begun("b"), host("c")];
  expect(plan({ ...running, cancelReason: "wrong version" }, hosts, {})).toBe(
    [
      "set-host host b → cancelled: cancelled: wrong version",
      "set-host host c → cancelled: cancelled: wrong version",
      "set-rollout rollout rol_1 → cancelled: cancelled: wrong version",
    ].join("\n"),
  );
  expect(plan({ ...running, supersededBy: "rol_2" }, hosts, {})).toContain("→ superseded: a newer rollout");
});
