import { expect } from "vitest";
import type { Standing } from "../after-plan.ts";
import { isHostEnded, isUnderWay, type HostView } from "../model.ts";
import type { RolloutPlan, RolloutStep } from "../plan-steps.ts";
import type { StoredRolloutHost } from "../store-hosts.ts";
import { knows, type World } from "./fleet-model.ts";

type HostStep = Extract<RolloutStep, { hostId: string }>;

/** What no plan may do, whatever happened before: each rule said without the planner's own functions. */
export function expectPlanAllowed(
  world: World,
  plan: RolloutPlan,
  after: Standing,
  views: ReadonlyMap<string, HostView>,
): void {
  const { rollout, hosts } = world.standing;
  const begun = plan.steps.filter((step) => step.op === "begin-host");
  for (const step of plan.steps) {
    if (step.op === "begin-wave") expectWaveMayBegin(world, after, step.wave);
    if (step.op === "pass-wave") expectWaveOver(after, step.wave, views);
    if (!("hostId" in step)) continue;
    const host = hosts.find((one) => one.hostId === step.hostId);
    const view = views.get(step.hostId);
    if (host === undefined || view === undefined) throw new Error(`a step about nobody: ${step.hostId}`);
    if (rollout.rollBackReason === undefined)
      expect(isHostEnded(host.state), "an ended host never changes").toBe(false);
    if (step.op === "begin-host") expectMayBegin(world, host, view, after);
    if (step.op === "roll-back-host") expect(host.touched, "only what was touched goes back").toBe(true);
    if (step.op === "set-host") expectSeen(world, step, host);
  }
  if (begun.length > 0) expectLimits(after);
}

function expectMayBegin(world: World, host: StoredRolloutHost, view: HostView, after: Standing): void {
  const { rollout } = world.standing;
  expect(view.reach, "begins only what is reached").toBe("reached");
  expect(rollout.paused, "begins nothing while it is paused").toBeUndefined();
  expect(rollout.rollBackReason, "begins nothing while it goes back").toBeUndefined();
  expect(rollout.cancelReason ?? rollout.supersededBy, "begins nothing once it is stopped").toBeUndefined();
  expect(after.rollout.waves[host.wave - 1]?.startedAt, "no host of a later wave before its wave").toBeDefined();
  if (!rollout.ignoreWindows) expect(view.window?.open ?? true, "not outside of its windows").toBe(true);
  if (!rollout.overrideLocalHolds) expect(view.stack?.heldRevision ?? 0, "not while root holds it").toBe(0);
}

/** After a plan that begins hosts the limits hold, and the budget is not passed. */
function expectLimits({ rollout, hosts }: Standing): void {
  const { maxParallel, failureBudget } = rollout.strategy;
  const failed = hosts.filter((host) => host.state === "failed").length;
  expect(failed, "nothing is begun over the failure budget").toBeLessThanOrEqual(
    failureBudget + rollout.excusedFailures,
  );
  const underWay = hosts.filter((host) => isUnderWay(host.state));
  if (maxParallel > 0) expect(underWay.length, "max_parallel of the whole").toBeLessThanOrEqual(maxParallel);
  for (const [i, wave] of rollout.waves.entries()) {
    if (wave.maxParallel === 0) continue;
    const own = underWay.filter((host) => host.wave === i + 1);
    const begunNow = own.some((host) => host.startedAt?.getTime() === rollout.startedAt?.getTime());
    if (begunNow && own.length > wave.maxParallel) expect(own.every((host) => host.cause !== "begun")).toBe(true);
  }
}

function expectWaveMayBegin(world: World, { rollout }: Standing, number: number): void {
  const wave = rollout.waves[number - 1];
  const before = rollout.waves[number - 2];
  expect(world.standing.rollout.paused, "no wave begins while it is paused").toBeUndefined();
  if (wave?.needsApproval === true) expect(wave.approvedAt, "not without approval").toBeDefined();
  if (before === undefined) return;
  expect(before.passedAt, "not before the one before has passed").toBeDefined();
  expect(world.now, "not before the pause is over").toBeGreaterThanOrEqual((before.passedAt ?? 0) + before.pauseMs);
}

function expectWaveOver({ rollout, hosts }: Standing, number: number, views: ReadonlyMap<string, HostView>): void {
  const own = hosts.filter((host) => host.wave === number);
  for (const host of own) {
    if (isHostEnded(host.state)) continue;
    const view = views.get(host.hostId);
    expect(isUnderWay(host.state), "no host under way holds a wave that has passed").toBe(false);
    const isAway = view?.reach !== "reached" || (view.stack?.heldRevision ?? 0) > 0;
    expect(isAway, "a host that is reached holds its wave up").toBe(true);
  }
  const isTried = own.some((host) => host.state === "succeeded" || host.state === "failed");
  const isOver = own.every((host) => isHostEnded(host.state));
  const isWaived = rollout.waves[number]?.approvedAt !== undefined;
  expect(isTried || isOver || isWaived, "a wave that tried nothing does not pass by itself").toBe(true);
}

/** What is claimed was observed, of this desired state. */
function expectSeen(world: World, step: Extract<HostStep, { op: "set-host" }>, host: StoredRolloutHost): void {
  const machine = world.machines.find((one) => one.hostId === step.hostId);
  const seen = machine?.seen;
  if (step.state === "succeeded" && host.action === "remove") {
    expect(knows(seen, host.generation), "off on a report of this desired state").toBe(true);
    expect(seen?.revision).toBe(0);
  } else if (step.state === "succeeded") {
    expect(knows(seen, host.generation), "succeeded on a report of this desired state").toBe(true);
    const { gate } = world.standing.rollout.strategy;
    expect(seen?.revision).toBe(world.standing.rollout.revision);
    expect(seen?.work.converged).toBe(true);
    expect(seen?.work.healthySince, "succeeded only while healthy").toBeDefined();
    const healthyMs = world.now - (seen?.work.healthySince ?? world.now);
    expect(healthyMs, "healthy for the whole quiet time").toBeGreaterThanOrEqual(gate.stableMs);
    if (gate.probes.length > 0) expect(seen?.work.probed, "its probes succeeded").toBe(true);
    expect(seen?.work.restarts ?? 0).toBeLessThanOrEqual(gate.maxRestarts);
  }
  if (step.state === "rolled-back") {
    expect(knows(seen, host.generation), "went back on a report of that desired state").toBe(true);
    expect(seen?.revision, "runs its own previous revision").toBe(host.previousRevision);
    if (host.previousRevision > 0) expect(seen?.work.healthySince).toBeDefined();
  }
}
