import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { commonErrors } from "../platform/index.ts";
import { promptStrategy } from "../testing/strategy.ts";
import { rolloutsErrors } from "./errors.ts";
import type { RolloutStrategy } from "./strategy.ts";
import { openRealRollouts, type RealRollouts } from "./testing/real-rollouts.ts";

let real: RealRollouts;
beforeAll(async () => {
  real = await openRealRollouts();
  await real.startWorker();
});
afterAll(() => real?.close());

const becomes = (rolloutId: string, states: string): Promise<void> =>
  vi.waitFor(async () => expect(await real.states(rolloutId)).toBe(states), { timeout: 10_000, interval: 30 });
const start = async (stackId: string, revision: number, more: Partial<RolloutStrategy> = {}): Promise<string> => {
  const wanted = { stackId, revision, strategy: promptStrategy(more) };
  return (await real.fleet.rollouts.create(real.fleet.caller, wanted)).rollout.id;
};
/** The host went back by itself to what it ran, as it does when a revision cannot be applied. */
const fails = async (hostId: string, stackId: string): Promise<void> => {
  const { stacks } = await real.inTenant((tx) => real.fleet.desired.desiredStateFor(tx, hostId));
  const attempt = stacks.find((stack) => stack.stackId === stackId)?.attempt ?? "";
  await real.fleet.report(hostId, { converged: false, problem: "web: it ends", failedAttempt: attempt });
};
async function deployed(name: string, hosts: string[]): Promise<string> {
  const stackId = await real.stackOn(name, hosts);
  const id = await start(stackId, 0);
  for (const host of hosts) await real.fleet.report(host, {});
  await vi.waitFor(async () => expect((await real.read(id)).rollout.state).toBe("succeeded"));
  return stackId;
}

test("over the budget every touched host goes back to its own previous revision, and no other changes", async () => {
  const { fleet } = real;
  const hosts = await real.addHosts("a", "b", "c", "d");
  const [a = "", b = "", c = "", d = ""] = hosts;
  const stackId = await deployed("own-previous", [a, b]);
  await fleet.stacks.update(fleet.caller, { stackId, placement: (await stack(stackId)).placement, etag: "" });
  // b alone gets revision 2; c and d have nothing yet.
  const second = await real.revise(stackId);
  await placeOn(stackId, [b]);
  await start(stackId, second);
  for (const host of [a, b]) await fleet.report(host, {});
  await vi.waitFor(async () => expect(await real.wanted(b, stackId)).toBe(2));
  await placeOn(stackId, [a, b, c, d]);
  const first = await start(stackId, 1);
  for (const host of [a, c, d]) await fleet.report(host, {});
  await fleet.rollouts.cancel(fleet.caller, first, "only to prepare");

  const third = await real.revise(stackId);
  const wave = {
    name: "",
    size: { kind: "hosts", count: 3 } as const,
    pauseMs: 0,
    needsApproval: false,
    maxParallel: 0,
  };
  const id = await start(stackId, third, { waves: [wave], onFailure: "roll-back" });
  const before = (await real.read(id)).hosts.map((host) => host.previousRevision);
  await fleet.report(b, {});
  await fails(a, stackId);
  await vi.waitFor(async () => expect((await real.read(id)).rollout.state).toBe("rolling-back"));
  expect(await Promise.all([a, b, c].map((host) => real.wanted(host, stackId)))).toEqual(before.slice(0, 3));
  for (const host of [a, b, c]) await fleet.report(host, {});
  await becomes(id, "rolled-back, a rolled-back, b rolled-back, c rolled-back, d cancelled");
  const { rollout } = await real.read(id);
  expect(rollout.cause).toContain("3 hosts went back to what ran before: 1 host failed: a: web: it ends");
  expect(await real.history(stackId)).toEqual(expect.arrayContaining(["rollout.rolling-back", "rollout.rolled-back"]));
  expect((await stack(stackId)).currentRevision).not.toBe(third);
});

test("a first deploy that fails is taken off again", async () => {
  const { fleet } = real;
  const hosts = await real.addHosts("f1", "f2");
  const stackId = await real.stackOn("first-fails", hosts);
  const id = await start(stackId, 0, { onFailure: "roll-back" });
  await fails(hosts[0] ?? "", stackId);
  await vi.waitFor(async () => expect((await real.read(id)).rollout.state).toBe("rolling-back"));
  expect(await Promise.all(hosts.map((host) => real.wanted(host, stackId)))).toEqual([0, 0]);
  for (const host of hosts) await fleet.report(host, {});
  await becomes(id, "rolled-back, f1 rolled-back, f2 rolled-back");
});

test("a touched host that is away goes back as well: at once in what it must run, and is waited for", async () => {
  const { fleet } = real;
  const hosts = await real.addHosts("o1", "o2");
  const [o1 = "", o2 = ""] = hosts;
  const stackId = await deployed("away-touched", hosts);
  const id = await start(stackId, await real.revise(stackId), { onFailure: "roll-back" });
  await fleet.setPresence(o2, "offline");
  await fails(o1, stackId);
  await vi.waitFor(async () => expect((await real.read(id)).rollout.state).toBe("rolling-back"));
  expect(await real.wanted(o2, stackId)).toBe(1);
  await fleet.report(o1, {});
  await becomes(id, "rolling-back, o1 rolled-back, o2 rolling-back");
  const waiting = await real.read(id);
  expect(waiting.rollout).toMatchObject({ waitingFor: "hosts" });
  expect(waiting.hosts[1]?.cause).toContain("it goes back when it returns");
  await fleet.setPresence(o2, "online");
  await fleet.report(o2, {});
  await becomes(id, "rolled-back, o1 rolled-back, o2 rolled-back");
});

test("a person rolls back one that failed; what never worked is nothing to go back to", async () => {
  const { fleet } = real;
  const [host = ""] = await real.addHosts("w1");
  const stackId = await deployed("never-worked", [host]);
  const failed = await start(stackId, await real.revise(stackId));
  await fails(host, stackId);
  await becomes(failed, "failed, w1 failed");
  const next = await start(stackId, await real.revise(stackId));
  expect((await real.read(next)).hosts[0]?.previousRevision).toBe(1);
  await fails(host, stackId);
  await becomes(next, "failed, w1 failed");
  await expect(fleet.rollouts.rollBack(fleet.caller, failed, "")).rejects.toMatchObject({
    code: rolloutsErrors.WF_ROLLOUT_NEWER,
  });
  await fleet.rollouts.rollBack(fleet.caller, next, "no good");
  expect(await real.wanted(host, stackId)).toBe(1);
  await expect(fleet.rollouts.rollBack(fleet.caller, next, "")).rejects.toMatchObject({
    code: rolloutsErrors.WF_ROLLOUT_GOES_BACK,
  });
  await fleet.report(host, {});
  await becomes(next, "rolled-back, w1 rolled-back");
  expect((await real.read(next)).rollout.cause).toContain("ada@example.org rolled it back: no good");
  expect(await real.audited(next)).toEqual(["rollouts.create", "rollouts.rollBack"]);
});

test("failures within the budget leave the revision the current one, which rolling back takes back", async () => {
  const hosts = await real.addHosts("b1", "b2", "b3");
  const [b1 = "", b2 = "", b3 = ""] = hosts;
  const stackId = await deployed("budgeted", hosts);
  const current = (): Promise<number> =>
    real.inTenant(async (tx) => (await real.fleet.stacks.get(tx, stackId)).currentRevision);
  const id = await start(stackId, await real.revise(stackId), { failureBudget: 1 });
  await fails(b1, stackId);
  await real.fleet.report(b2, {});
  await real.fleet.report(b3, {});
  await becomes(id, "failed, b1 failed, b2 succeeded, b3 succeeded");
  // A host that comes now gets what most of the others have.
  expect(await current()).toBe(2);
  await real.fleet.rollouts.rollBack(real.fleet.caller, id, "after all");
  for (const host of hosts) await real.fleet.report(host, {});
  await becomes(id, "rolled-back, b1 rolled-back, b2 rolled-back, b3 rolled-back");
  expect(await current()).toBe(1);
  const over = await start(stackId, await real.revise(stackId));
  await fails(b1, stackId);
  await real.fleet.report(b2, {});
  await real.fleet.report(b3, {});
  await vi.waitFor(async () => expect((await real.read(over)).rollout.state).toBe("failed"));
  expect(await current()).toBe(1);
});

test("failed hosts are tried again as another attempt; what the failure had stopped goes on", async () => {
  const { fleet } = real;
  const hosts = await real.addHosts("t1", "t2");
  const [t1 = "", t2 = ""] = hosts;
  const stackId = await real.stackOn("retried", hosts);
  const id = await start(stackId, 0, { maxParallel: 1 });
  await fails(t1, stackId);
  await becomes(id, "failed, t1 failed, t2 cancelled");
  await expect(fleet.rollouts.retry(fleet.caller, id, [t2])).rejects.toMatchObject({
    code: rolloutsErrors.WF_ROLLOUT_NOTHING_FAILED,
  });
  await fleet.rollouts.retry(fleet.caller, id, [t1]);
  expect(await real.states(id)).toBe("running, t1 applying, t2 pending");
  const desired = await real.inTenant((tx) => fleet.desired.desiredStateFor(tx, t1));
  expect(desired.stacks[0]?.attempt).toBe(`${id}.1`);
  await fleet.report(t1, {});
  await becomes(id, "running, t1 succeeded, t2 applying");
  await fleet.report(t2, {});
  await becomes(id, "succeeded, t1 succeeded, t2 succeeded");
  await expect(fleet.rollouts.retry(fleet.caller, id, [])).rejects.toMatchObject({
    code: rolloutsErrors.WF_ROLLOUT_ENDED,
  });
});

test("a host that cannot be brought back is said, and can be tried again", async () => {
  const { fleet } = real;
  const [host = ""] = await real.addHosts("x1");
  const stackId = await deployed("stuck", [host]);
  const id = await start(stackId, await real.revise(stackId), { onFailure: "roll-back" });
  await fails(host, stackId);
  await vi.waitFor(async () => expect((await real.read(id)).rollout.state).toBe("rolling-back"));
  await fails(host, stackId);
  await becomes(id, "failed, x1 rollback-failed");
  await fleet.rollouts.retry(fleet.caller, id, []);
  expect(await real.states(id)).toBe("rolling-back, x1 rolling-back");
  await fleet.report(host, {});
  await becomes(id, "rolled-back, x1 rolled-back");
});

test("the gate: a restart too many fails, probes hold back until they succeed on the host", async () => {
  const { fleet } = real;
  const hosts = await real.addHosts("g1", "g2");
  const [g1 = "", g2 = ""] = hosts;
  const stackId = await real.stackOn("gated", hosts);
  const probes = [
    { service: "web", httpPort: 80, httpPath: "/", httpStatus: 0, httpContains: "", tcpPort: 0, command: [] },
  ].map((probe) => ({ ...probe, intervalSeconds: 5, timeoutSeconds: 5, successes: 1 }));
  const gate = { ...promptStrategy().gate, maxRestarts: 1, probes };
  const id = await start(stackId, 0, { gate, failureBudget: 1 });
  const desired = await real.inTenant((tx) => fleet.desired.desiredStateFor(tx, g1));
  expect(desired.stacks[0]).toMatchObject({ attempt: id, probes });
  await fleet.report(g1, { attempt: id, restarts: 2 });
  await becomes(id, "running, g1 failed, g2 applying");
  expect((await real.read(id)).hosts[0]?.cause).toBe("a container restarted 2 times; the gate puts up with 1");
  await fleet.report(g2, { attempt: id });
  await becomes(id, "running, g1 failed, g2 checking-health");
  const probe = { service: "web", name: "http :80/", at: undefined, successes: 0 };
  await fleet.report(g2, { attempt: id, probes: [{ ...probe, passed: false, cause: "connection refused" }] });
  await vi.waitFor(async () =>
    expect((await real.read(id)).hosts[1]?.cause).toBe("probe http :80/ of web has not succeeded: connection refused"),
  );
  await fleet.report(g2, { attempt: id, probes: [{ ...probe, passed: true, cause: "200" }] });
  await becomes(id, "failed, g1 failed, g2 succeeded");
});

test("nobody acts on another organization's rollout, nor retries a privileged one without the right", async () => {
  const { fleet } = real;
  const [host = ""] = await real.addHosts("z1");
  const stackId = await real.stackOn("foreign", [host]);
  const id = await start(stackId, 0);
  const stranger = { ...fleet.caller, organizationId: "org_other" };
  const acts: (() => Promise<unknown>)[] = [
    () => fleet.rollouts.pause(stranger, id, ""),
    () => fleet.rollouts.resume(stranger, id),
    () => fleet.rollouts.approve(stranger, id, 1),
    () => fleet.rollouts.retry(stranger, id, []),
    () => fleet.rollouts.rollBack(stranger, id, ""),
    () => fleet.rollouts.cancel(stranger, id, ""),
  ];
  for (const act of acts) await expect(act()).rejects.toMatchObject({ code: commonErrors.WF_NOT_FOUND });
  const files = { "compose.yaml": "services: {web: {image: web:1, privileged: true}}" };
  const source = { files, composeFiles: [], variables: [], profiles: [], attachments: [] };
  const admin = { ...fleet.caller, permissions: new Set(["stacks.deploy.privileged"]) };
  const { number } = await fleet.revisions.create(admin, { stackId, source, message: "" });
  const { rollout } = await fleet.rollouts.create(admin, { stackId, revision: number, strategy: promptStrategy() });
  await fails(host, stackId);
  await becomes(rollout.id, "failed, z1 failed");
  await expect(fleet.rollouts.retry(fleet.caller, rollout.id, [])).rejects.toMatchObject({
    code: commonErrors.WF_PERMISSION_DENIED,
  });
});

const stack = (stackId: string): ReturnType<typeof real.fleet.stacks.get> =>
  real.inTenant((tx) => real.fleet.stacks.get(tx, stackId));
async function placeOn(stackId: string, hostIds: string[]): Promise<void> {
  const { placement } = await stack(stackId);
  await real.fleet.stacks.update(real.fleet.caller, { stackId, placement: { ...placement, hostIds }, etag: "" });
}
