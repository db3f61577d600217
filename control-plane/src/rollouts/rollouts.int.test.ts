import { StackBody } from "@windflow/proto/agent";
import { afterAll, afterEach, beforeAll, expect, test, vi } from "vitest";
import { commonErrors, isProblem } from "../platform/index.ts";
import { emptyPlacement } from "../placement/index.ts";
import { stacksErrors } from "../stacks/index.ts";
import type { Fleet } from "../testing/fleet.ts";
import { promptStrategy } from "../testing/strategy.ts";
import { rolloutsErrors } from "./errors.ts";
import { openRealRollouts, type RealRollouts } from "./testing/real-rollouts.ts";

const settings = { strategy: promptStrategy() };
let real: RealRollouts;
let fleet: Fleet;
beforeAll(async () => {
  real = await openRealRollouts();
  ({ fleet } = real);
});
afterEach(() => real.stopWorkers());
afterAll(() => real?.close());

test("a revision reaches its host: desired state, body by digest, health gate, current revision", async () => {
  await real.startWorker();
  const hostId = await fleet.addHost("one");
  const stackId = await real.stackOn("shop", [hostId]);
  const { rollout } = await fleet.rollouts.create(fleet.caller, { stackId, revision: 0, ...settings });
  expect(rollout).toMatchObject({ state: "running", revision: 1 });
  const body = await real.inTenant(async (tx) => {
    const desired = await fleet.desired.desiredStateFor(tx, hostId);
    expect(desired).toMatchObject({ generation: { term: 1n, n: 1n }, stacks: [{ stackId, revision: 1 }] });
    const digest = desired.stacks[0]?.bodyDigest ?? "";
    return (await fleet.desired.bodiesFor(tx, [{ hostId, digest }]))[0];
  });
  expect(StackBody.decode(body ?? new Uint8Array())).toMatchObject({ stackId, project: "shop", revision: 1 });

  await fleet.report(hostId, { converged: false, healthySince: undefined });
  await vi.waitFor(async () => expect(await real.states(rollout.id)).toBe("running, one applying"));
  await fleet.report(hostId, {});
  await vi.waitFor(async () => expect(await real.states(rollout.id)).toBe("succeeded, one succeeded"));
  expect(await real.inTenant((tx) => fleet.stacks.get(tx, stackId))).toMatchObject({ currentRevision: 1 });

  // The same revision once more is done with its own transaction: nothing changes on the host.
  const again = await fleet.rollouts.create(fleet.caller, { stackId, revision: 1, ...settings });
  expect(again.rollout.state).toBe("succeeded");
  expect((await real.inTenant((tx) => fleet.desired.desiredStateFor(tx, hostId))).generation.n).toBe(1n);
});

test("a host that went back to what it ran fails the rollout with its own words, and another rollout makes it try again", async () => {
  await real.startWorker();
  const hostId = await fleet.addHost("back");
  const stackId = await real.stackOn("went-back", [hostId]);
  const wanted = { stackId, revision: 0, ...settings, recreateVolumes: ["data"] };
  const { rollout } = await fleet.rollouts.create(fleet.caller, wanted);
  const desired = (): ReturnType<typeof fleet.desired.desiredStateFor> =>
    real.inTenant((tx) => fleet.desired.desiredStateFor(tx, hostId));
  expect((await desired()).stacks).toMatchObject([{ attempt: rollout.id, recreateVolumes: ["data"] }]);
  const problem = "web: revision 1 failed: its healthcheck fails; the previous container (revision 0) runs again";
  await fleet.report(hostId, { converged: false, problem, failedAttempt: rollout.id });
  await vi.waitFor(async () => expect(await real.states(rollout.id)).toBe("failed, back failed"));
  expect((await real.read(rollout.id)).hosts[0]?.cause).toBe(problem);

  const again = await fleet.rollouts.create(fleet.caller, { stackId, revision: 1, ...settings });
  expect((await desired()).stacks).toMatchObject([{ attempt: again.rollout.id, recreateVolumes: [] }]);
  expect(await real.states(again.rollout.id)).toBe("running, back applying");
  await fleet.report(hostId, {});
  await vi.waitFor(async () => expect(await real.states(again.rollout.id)).toBe("succeeded, back succeeded"));
});

test("the same revision again is tried by a host that is not where it should be, e.g. since drift is only reported", async () => {
  await real.startWorker();
  const [drifted = "", well = ""] = await real.addHosts("drifted", "well");
  const stackId = await real.stackOn("drifts", [drifted, well]);
  const first = await fleet.rollouts.create(fleet.caller, { stackId, revision: 0, ...settings });
  for (const hostId of [drifted, well]) await fleet.report(hostId, {});
  await vi.waitFor(async () => expect((await real.read(first.rollout.id)).rollout.state).toBe("succeeded"));
  await fleet.report(drifted, { converged: false });
  const again = await fleet.rollouts.create(fleet.caller, { stackId, revision: 1, ...settings });
  expect(await real.states(again.rollout.id)).toBe("running, drifted applying, well succeeded");
  const attempts = await real.inTenant((tx) =>
    Promise.all(
      [drifted, well].map(async (hostId) => (await fleet.desired.desiredStateFor(tx, hostId)).stacks[0]?.attempt),
    ),
  );
  expect(attempts).toEqual([again.rollout.id, first.rollout.id]);
});

test("a host that is away is not reached, and is brought along when it returns", async () => {
  await real.startWorker();
  const [here, away] = [await fleet.addHost("here"), await fleet.addHost("away")];
  await fleet.setPresence(away, "offline");
  const stackId = await real.stackOn("two-hosts", [here, away]);
  const {
    rollout: { id },
  } = await fleet.rollouts.create(fleet.caller, { stackId, revision: 0, ...settings });
  await fleet.report(here, {});
  await vi.waitFor(async () => expect(await real.states(id)).toBe("waiting, away not-reached, here succeeded"));
  expect((await real.inTenant((tx) => fleet.desired.desiredStateFor(tx, away))).stacks).toEqual([]);
  await fleet.setPresence(away, "online");
  await vi.waitFor(async () => expect(await real.states(id)).toBe("running, away applying, here succeeded"));
  await fleet.report(away, {});
  await vi.waitFor(async () => expect(await real.states(id)).toBe("succeeded, away succeeded, here succeeded"));
});

test("waves stop at the failure budget, and what was not begun keeps its old revision", async () => {
  await real.startWorker();
  const ids = [await fleet.addHost("w1"), await fleet.addHost("w2")];
  const stackId = await real.stackOn("waves", ids);
  const {
    rollout: { id },
  } = await fleet.rollouts.create(fleet.caller, { stackId, revision: 0, strategy: promptStrategy({ maxParallel: 1 }) });
  expect(await real.states(id)).toBe("running, w1 applying, w2 pending");
  const [first = ""] = ids;
  const generation = await real.inTenant(async (tx) => (await fleet.desired.desiredStateFor(tx, first)).generation);
  const host = { organizationId: fleet.caller.organizationId, hostId: first };
  await fleet.desired.answered({
    ...host,
    generation,
    refused: "privileged is not allowed here",
    code: "WF_LOCAL_POLICY",
  });
  await vi.waitFor(async () => expect(await real.states(id)).toBe("failed, w1 failed, w2 cancelled"));
  const { rollout } = await real.read(id);
  expect(rollout.cause).toBe("1 of 2 hosts failed: w1: WF_LOCAL_POLICY: privileged is not allowed here");
  // What the host refused is not wanted of it any more: another stack must not be refused for it.
  const desired = await real.inTenant((tx) => fleet.desired.desiredStateFor(tx, first));
  expect(desired).toEqual({ generation: { term: 1n, n: 2n }, stacks: [] });
});

test("a newer rollout supersedes, a cancelled one stops, and both leave the hosts as they are", async () => {
  await real.startWorker();
  const hostId = await fleet.addHost("busy");
  const stackId = await real.stackOn("newer", [hostId]);
  const first = await fleet.rollouts.create(fleet.caller, { stackId, revision: 0, ...settings });
  await real.revise(stackId);
  const second = await fleet.rollouts.create(fleet.caller, { stackId, revision: 0, ...settings });
  expect(await real.states(first.rollout.id)).toBe("superseded, busy cancelled");
  const cancelled = await fleet.rollouts.cancel(fleet.caller, second.rollout.id, "wrong version");
  expect(cancelled).toMatchObject({ state: "cancelled", cause: "cancelled: wrong version" });
  const error: unknown = await fleet.rollouts
    .cancel(fleet.caller, second.rollout.id, "")
    .catch((thrown: unknown) => thrown);
  expect(isProblem(error, rolloutsErrors.WF_ROLLOUT_ENDED)).toBe(true);
  const desired = await real.inTenant((tx) => fleet.desired.desiredStateFor(tx, hostId));
  expect(desired).toMatchObject({ generation: { n: 2n }, stacks: [{ revision: 2 }] });
});

test("a host that does not match any more is left by the next rollout; a deleted stack leaves all and is forgotten", async () => {
  await real.startWorker();
  const [stays, leaves] = [await fleet.addHost("stays"), await fleet.addHost("leaves")];
  const stackId = await real.stackOn("moving", [stays, leaves]);
  const first = await fleet.rollouts.create(fleet.caller, { stackId, revision: 0, ...settings });
  for (const hostId of [stays, leaves]) await fleet.report(hostId, {});
  await vi.waitFor(async () => expect((await real.read(first.rollout.id)).rollout.state).toBe("succeeded"));
  await fleet.stacks.update(fleet.caller, { stackId, placement: { ...emptyPlacement, hostIds: [stays] }, etag: "" });
  const second = await fleet.rollouts.create(fleet.caller, { stackId, revision: 0, ...settings });
  expect((await real.inTenant((tx) => fleet.desired.desiredStateFor(tx, leaves))).stacks).toEqual([]);
  await fleet.report(leaves, {});
  await vi.waitFor(async () =>
    expect(await real.states(second.rollout.id)).toBe("succeeded, leaves succeeded, stays succeeded"),
  );

  const removal = (await fleet.stacks.delete(fleet.caller, stackId)) ?? "";
  await expect(real.revise(stackId)).rejects.toMatchObject({ code: stacksErrors.WF_STACK_DELETING });
  await fleet.report(stays, {});
  await vi.waitFor(async () => expect(await real.states(removal)).toBe("succeeded, stays succeeded"));
  await expect(real.inTenant((tx) => fleet.stacks.get(tx, stackId))).rejects.toThrow("there is no stack");
});

test("a worker that starts later finds what happened while there was none", async () => {
  const hostId = await fleet.addHost("crashed");
  const stackId = await real.stackOn("later", [hostId]);
  const {
    rollout: { id },
  } = await fleet.rollouts.create(fleet.caller, { stackId, revision: 0, ...settings });
  await fleet.report(hostId, {});
  expect(await real.states(id)).toBe("running, crashed applying");
  await real.startWorker();
  await vi.waitFor(async () => expect(await real.states(id)).toBe("succeeded, crashed succeeded"));
});

test("a removal that is cancelled leaves the stack to be deployed again", async () => {
  await real.startWorker();
  const [here, away] = [await fleet.addHost("removed-here"), await fleet.addHost("removed-away")];
  const stackId = await real.stackOn("undecided", [here, away]);
  const first = await fleet.rollouts.create(fleet.caller, { stackId, revision: 0, ...settings });
  for (const hostId of [here, away]) await fleet.report(hostId, {});
  await vi.waitFor(async () => expect((await real.read(first.rollout.id)).rollout.state).toBe("succeeded"));
  await fleet.setPresence(away, "offline");
  const removal = (await fleet.stacks.delete(fleet.caller, stackId)) ?? "";
  await fleet.report(here, {});
  await vi.waitFor(async () =>
    expect(await real.states(removal)).toBe("waiting, removed-away not-reached, removed-here succeeded"),
  );
  expect(await real.inTenant((tx) => fleet.stacks.get(tx, stackId))).toMatchObject({ deleting: true });
  await fleet.rollouts.cancel(fleet.caller, removal, "kept after all");
  expect(await real.inTenant((tx) => fleet.stacks.get(tx, stackId))).toMatchObject({ deleting: false });
  const again = await fleet.rollouts.create(fleet.caller, { stackId, revision: 0, ...settings });
  expect(again.hosts.map((host) => `${host.hostName} ${host.previousRevision}`)).toEqual([
    "removed-away 1",
    "removed-here 0",
  ]);
});

test("a privileged revision is rolled out by somebody who may, and by nobody else", async () => {
  const hostId = await fleet.addHost("guarded");
  const stackId = await real.stackOn("guarded", [hostId]);
  const admin = { ...fleet.caller, permissions: new Set(["stacks.deploy.privileged"]) };
  const files = { "compose.yaml": "services: {web: {image: web:1, privileged: true}}" };
  const source = { files, composeFiles: [], variables: [], profiles: [], attachments: [] };
  await fleet.revisions.create(admin, { stackId, source, message: "" });
  const wanted = { stackId, revision: 2, ...settings };
  await expect(fleet.rollouts.create(fleet.caller, wanted)).rejects.toMatchObject({
    code: commonErrors.WF_PERMISSION_DENIED,
  });
  expect(await fleet.rollouts.create(admin, wanted)).toMatchObject({ rollout: { state: "running", revision: 2 } });
});

test("two control planes work on the same rollouts without getting in each other's way", async () => {
  await Promise.all([real.startWorker(), real.startWorker()]);
  const ids = await Promise.all(Array.from({ length: 12 }, (_, i) => fleet.addHost(`shared-${i}`)));
  const plain = { name: "", pauseMs: 0, needsApproval: false, maxParallel: 0 };
  const canary = { ...plain, size: { kind: "hosts", count: 1 } as const };
  const quarter = { ...plain, size: { kind: "percent", percent: 25 } as const };
  const stackIds = await Promise.all(["red", "green", "blue"].map((name) => real.stackOn(name, ids)));
  const started = await Promise.all(
    stackIds.map((stackId) =>
      fleet.rollouts.create(fleet.caller, {
        stackId,
        revision: 0,
        strategy: promptStrategy({ maxParallel: 5, waves: [canary, quarter] }),
      }),
    ),
  );
  const ended = async (): Promise<void> => {
    await Promise.all(ids.map((hostId) => fleet.report(hostId, {})));
    const seen = await Promise.all(started.map(({ rollout }) => real.read(rollout.id)));
    expect(seen.map(({ rollout }) => rollout.state)).toEqual(["succeeded", "succeeded", "succeeded"]);
  };
  await vi.waitFor(ended, { timeout: 30_000, interval: 50 });
  const desired = await real.inTenant((tx) =>
    Promise.all(ids.map((hostId) => fleet.desired.desiredStateFor(tx, hostId))),
  );
  expect(new Set(desired.map((one) => one.generation.n))).toEqual(new Set([3n]));
});

test("a placement that matches nothing is refused with what to do", async () => {
  const stackId = await real.stackOn("nowhere", []);
  const error: unknown = await fleet.rollouts
    .create(fleet.caller, { stackId, revision: 0, ...settings })
    .catch((thrown: unknown) => thrown);
  expect(isProblem(error, rolloutsErrors.WF_ROLLOUT_NO_HOST)).toBe(true);
});
