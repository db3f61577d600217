import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { createAudit } from "../audit/index.ts";
import { promptStrategy } from "../testing/strategy.ts";
import { createWindowsService } from "../windows/index.ts";
import { rolloutsErrors } from "./errors.ts";
import type { Wave } from "./strategy.ts";
import { openRealRollouts, type RealRollouts } from "./testing/real-rollouts.ts";

let real: RealRollouts;
beforeAll(async () => {
  real = await openRealRollouts();
  await real.startWorker();
});
afterAll(() => real?.close());

const wave = (more: Partial<Wave> = {}): Wave => ({
  name: "",
  size: { kind: "hosts", count: 1 },
  pauseMs: 0,
  needsApproval: false,
  maxParallel: 0,
  ...more,
});
const eventually = (check: () => Promise<void>): Promise<void> => vi.waitFor(check, { timeout: 10_000, interval: 30 });
const becomes = (rolloutId: string, states: string): Promise<void> =>
  eventually(async () => expect(await real.states(rolloutId)).toBe(states));

test("the canary goes first, then a part, then the rest; each wave waits until the one before has passed", async () => {
  const { fleet } = real;
  const hosts = await real.addHosts("a", "b", "c", "d");
  const stackId = await real.stackOn("in-waves", hosts);
  const strategy = promptStrategy({
    waves: [wave({ name: "canary" }), wave({ size: { kind: "percent", percent: 50 } })],
  });
  const { rollout } = await fleet.rollouts.create(fleet.caller, { stackId, revision: 0, strategy, reason: "new door" });
  expect(rollout).toMatchObject({ origin: "person", reason: "new door" });
  expect(await real.states(rollout.id)).toBe("running, a applying, b pending, c pending, d pending");
  expect(await Promise.all(hosts.map((host) => real.wanted(host, stackId)))).toEqual([1, 0, 0, 0]);
  await fleet.report(hosts[0] ?? "", {});
  await becomes(rollout.id, "running, a succeeded, b applying, c applying, d pending");
  await fleet.report(hosts[1] ?? "", {});
  await becomes(rollout.id, "running, a succeeded, b succeeded, c applying, d pending");
  await fleet.report(hosts[2] ?? "", {});
  await becomes(rollout.id, "running, a succeeded, b succeeded, c succeeded, d applying");
  await fleet.report(hosts[3] ?? "", {});
  await becomes(rollout.id, "succeeded, a succeeded, b succeeded, c succeeded, d succeeded");
  const told = (await real.history(stackId)).filter((type) => type.startsWith("rollout.wave"));
  expect(told.filter((type) => type === "rollout.wave-begun")).toHaveLength(3);
  expect(told.filter((type) => type === "rollout.wave-passed")).toHaveLength(3);
});

test("waves by list and by label, with a limit of their own", async () => {
  const { fleet } = real;
  const hosts = await real.addHosts("l1", "l2", "l3", "l4");
  const stackId = await real.stackOn("lists", hosts);
  const waves = [
    wave({ size: { kind: "labels", matchLabels: { name: "l3" } } }),
    wave({ size: { kind: "list", hostIds: [hosts[0] ?? "", hosts[1] ?? ""] }, maxParallel: 1 }),
  ];
  const { rollout } = await fleet.rollouts.create(fleet.caller, {
    stackId,
    revision: 0,
    strategy: promptStrategy({ waves }),
  });
  expect(await real.states(rollout.id)).toBe("running, l1 pending, l2 pending, l3 applying, l4 pending");
  await fleet.report(hosts[2] ?? "", {});
  await becomes(rollout.id, "running, l1 applying, l2 pending, l3 succeeded, l4 pending");
  await fleet.report(hosts[0] ?? "", {});
  await becomes(rollout.id, "running, l1 succeeded, l2 applying, l3 succeeded, l4 pending");
});

test("after a wave its pause runs, and ends by itself", async () => {
  const { fleet } = real;
  const hosts = await real.addHosts("p1", "p2");
  const stackId = await real.stackOn("pauses", hosts);
  const strategy = promptStrategy({ waves: [wave({ pauseMs: 1_500 })] });
  const { rollout } = await fleet.rollouts.create(fleet.caller, { stackId, revision: 0, strategy });
  await fleet.report(hosts[0] ?? "", {});
  await becomes(rollout.id, "waiting, p1 succeeded, p2 pending");
  const waiting = (await real.read(rollout.id)).rollout;
  expect(waiting).toMatchObject({ waitingFor: "pause", cause: expect.stringContaining("the pause after wave 1") });
  expect(waiting.waitingUntil).toBe((waiting.waves[0]?.passedAt ?? 0) + 1_500);
  expect(waiting.wakeAt?.getTime()).toBe(waiting.waitingUntil);
  await becomes(rollout.id, "running, p1 succeeded, p2 applying");
  const resumed = (await real.read(rollout.id)).rollout;
  expect(resumed.waves[1]?.startedAt).toBeGreaterThanOrEqual(waiting.waitingUntil ?? Infinity);
  expect(resumed.waitingFor).toBeUndefined();
});

test("a wave waits for somebody's yes; another wave is not approved by mistake; who said it is kept", async () => {
  const { fleet } = real;
  const hosts = await real.addHosts("y1", "y2", "y3");
  const stackId = await real.stackOn("approvals", hosts);
  const strategy = promptStrategy({ waves: [wave(), wave({ needsApproval: true })] });
  const { rollout } = await fleet.rollouts.create(fleet.caller, { stackId, revision: 0, strategy });
  const approve = (number: number): Promise<unknown> => fleet.rollouts.approve(fleet.caller, rollout.id, number);
  await expect(approve(2)).rejects.toMatchObject({ code: rolloutsErrors.WF_ROLLOUT_WAVE_NOT_WAITING });
  await fleet.report(hosts[0] ?? "", {});
  await becomes(rollout.id, "waiting, y1 succeeded, y2 pending, y3 pending");
  expect((await real.read(rollout.id)).rollout).toMatchObject({ waitingFor: "approval" });
  await expect(approve(3)).rejects.toMatchObject({ code: rolloutsErrors.WF_ROLLOUT_WAVE_NOT_WAITING });
  await approve(2);
  expect(await real.states(rollout.id)).toBe("running, y1 succeeded, y2 applying, y3 pending");
  expect((await real.read(rollout.id)).rollout.waves[1]).toMatchObject({ approvedBy: "ada@example.org" });
  await expect(approve(2)).rejects.toMatchObject({ code: rolloutsErrors.WF_ROLLOUT_WAVE_NOT_WAITING });
  expect(await real.audited(rollout.id)).toEqual(["rollouts.create", "rollouts.approve"]);
  expect(await real.history(stackId)).toContain("rollout.approval-needed");
});

test("hosts that are away do not hold their wave up nor eat the budget, and are brought along when they return", async () => {
  const { fleet } = real;
  const hosts = await real.addHosts("r1", "r2", "r3");
  const [, away = ""] = hosts;
  await fleet.setPresence(away, "offline");
  const stackId = await real.stackOn("returns", hosts);
  const strategy = promptStrategy({ waves: [wave({ size: { kind: "hosts", count: 2 } })] });
  const { rollout } = await fleet.rollouts.create(fleet.caller, { stackId, revision: 0, strategy });
  await fleet.report(hosts[0] ?? "", {});
  await becomes(rollout.id, "running, r1 succeeded, r2 not-reached, r3 applying");
  await fleet.report(hosts[2] ?? "", {});
  await becomes(rollout.id, "waiting, r1 succeeded, r2 not-reached, r3 succeeded");
  expect((await real.read(rollout.id)).rollout).toMatchObject({ waitingFor: "hosts" });
  await fleet.setPresence(away, "online");
  await becomes(rollout.id, "running, r1 succeeded, r2 applying, r3 succeeded");
  await fleet.report(away, {});
  await becomes(rollout.id, "succeeded, r1 succeeded, r2 succeeded, r3 succeeded");
});

test("a canary that is away has tried nothing: the next wave waits for it, or for somebody who goes on without", async () => {
  const { fleet } = real;
  const hosts = await real.addHosts("n1", "n2");
  await fleet.setPresence(hosts[0] ?? "", "offline");
  const stackId = await real.stackOn("untried", hosts);
  const strategy = promptStrategy({ waves: [wave()] });
  const { rollout } = await fleet.rollouts.create(fleet.caller, { stackId, revision: 0, strategy });
  expect(await real.states(rollout.id)).toBe("waiting, n1 not-reached, n2 pending");
  expect(rollout).toMatchObject({
    waitingFor: "hosts",
    cause: expect.stringContaining("no host of the wave is reached"),
  });
  await fleet.rollouts.approve(fleet.caller, rollout.id, 2);
  expect(await real.states(rollout.id)).toBe("running, n1 not-reached, n2 applying");
});

test("paused, nothing more is begun and what is under way goes on; resumed, it goes on", async () => {
  const { fleet } = real;
  const hosts = await real.addHosts("q1", "q2");
  const stackId = await real.stackOn("paused", hosts);
  const strategy = promptStrategy({ maxParallel: 1 });
  const { rollout } = await fleet.rollouts.create(fleet.caller, { stackId, revision: 0, strategy });
  await fleet.rollouts.pause(fleet.caller, rollout.id, "the shop is full");
  await fleet.report(hosts[0] ?? "", {});
  await becomes(rollout.id, "paused, q1 succeeded, q2 pending");
  expect((await real.read(rollout.id)).rollout.cause).toContain("paused by ada@example.org: the shop is full");
  await fleet.rollouts.resume(fleet.caller, rollout.id);
  expect(await real.states(rollout.id)).toBe("running, q1 succeeded, q2 applying");
  expect(await real.audited(rollout.id)).toEqual(["rollouts.create", "rollouts.pause", "rollouts.resume"]);
});

test("outside of its maintenance window a host waits, with the time; a changed window lets it begin", async () => {
  const { fleet, platform } = real;
  const { database, clock, newId } = platform;
  const windows = createWindowsService({ database, clock, newId, audit: createAudit({ database, clock, newId }) });
  const hosts = await real.addHosts("m1", "m2");
  const at = (hours: number): string => new Date(Date.now() + hours * 3_600_000).toISOString().slice(11, 16);
  const rule = {
    name: "nights",
    expressions: [{ key: "name", operator: "equals" as const, values: ["m2"] }],
    timeZone: "UTC",
    weekdays: [],
    opensAt: at(3),
    durationMinutes: 60,
    disabled: false,
  };
  const window = await windows.create(fleet.caller, rule);
  const stackId = await real.stackOn("windows", hosts);
  const { rollout } = await fleet.rollouts.create(fleet.caller, { stackId, revision: 0, strategy: promptStrategy() });
  await fleet.report(hosts[0] ?? "", {});
  await becomes(rollout.id, "waiting, m1 succeeded, m2 pending");
  const waiting = await real.read(rollout.id);
  expect(waiting.rollout).toMatchObject({ waitingFor: "window" });
  expect(new Date(waiting.rollout.waitingUntil ?? 0).toISOString().slice(11, 16)).toBe(rule.opensAt);
  expect(waiting.hosts[1]).toMatchObject({ windowOpensAt: waiting.rollout.waitingUntil });
  await windows.update(fleet.caller, { windowId: window.id, rule: { ...rule, opensAt: at(-0.5) }, etag: "" });
  await becomes(rollout.id, "running, m1 succeeded, m2 applying");

  await windows.update(fleet.caller, { windowId: window.id, rule, etag: "" });
  const hurry = { stackId, revision: await real.revise(stackId), strategy: promptStrategy(), ignoreWindows: true };
  const urgent = await fleet.rollouts.create(fleet.caller, hurry);
  expect(await real.states(urgent.rollout.id)).toBe("running, m1 applying, m2 applying");
});

test("a host that root on it holds waits, by name; released it is begun, and override_local_holds begins it at once", async () => {
  const { fleet } = real;
  const hosts = await real.addHosts("h1", "h2");
  const [, held = ""] = hosts;
  const stackId = await real.stackOn("held", hosts);
  const first = await fleet.rollouts.create(fleet.caller, { stackId, revision: 0, strategy: promptStrategy() });
  for (const host of hosts) await fleet.report(host, {});
  await becomes(first.rollout.id, "succeeded, h1 succeeded, h2 succeeded");
  await fleet.report(held, { heldRevision: 1 });
  const revision = await real.revise(stackId);
  const second = await fleet.rollouts.create(fleet.caller, { stackId, revision, strategy: promptStrategy() });
  await fleet.report(hosts[0] ?? "", {});
  await becomes(second.rollout.id, "waiting, h1 succeeded, h2 pending");
  const waiting = await real.read(second.rollout.id);
  expect(waiting.hosts[1]?.cause).toContain("held locally at revision 1");
  expect(waiting.rollout).toMatchObject({ waitingFor: "hosts", cause: expect.stringContaining("1 host held locally") });
  expect(await real.wanted(held, stackId)).toBe(1);
  await fleet.report(held, { heldRevision: 0 });
  await becomes(second.rollout.id, "running, h1 succeeded, h2 applying");

  await fleet.report(held, { heldRevision: 1 });
  const again = { stackId, revision, strategy: promptStrategy(), overrideLocalHolds: true };
  const { rollout } = await fleet.rollouts.create(fleet.caller, again);
  const { hosts: now } = await real.read(rollout.id);
  expect(now[1]?.state).toBe("applying");
  const desired = await real.inTenant((tx) => fleet.desired.desiredStateFor(tx, held));
  expect(desired.stacks.find((stack) => stack.stackId === stackId)).toMatchObject({ overrideHold: true });
});
