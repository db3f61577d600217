import { expect } from "vitest";
import { standingAfter } from "../after-plan.ts";
import { attemptOf, isEnded, isHostEnded, type Generation, type HostView, type StackReport } from "../model.ts";
import { planRollout } from "../plan.ts";
import type { RolloutPlan } from "../plan-steps.ts";
import { assignWaves, type WaveCandidate } from "../plan-waves.ts";
import { expectPlanAllowed } from "./allowed-plan.ts";
import type { Machine, Made, Report, Work, World } from "./fleet-model.ts";

export const REVISION = 9;
const NONE: Work = { converged: true };

export function worldOf(made: Made): World {
  const machines = made.machines.map((machine, i): Machine => {
    const wanted = { n: 1n, revision: machine.hadRevision, attempt: "rol_0" };
    return {
      ...machine,
      hostId: `hst_${i}`,
      presence: "reached",
      since: 0,
      windowOpen: true,
      windowOpensAt: undefined,
      held: 0,
      wanted,
      taken: wanted,
      work: NONE,
      refused: undefined,
      mail: [],
      seen: undefined,
    };
  });
  const candidates = machines.map(({ hostId }, i): WaveCandidate => {
    const leaves = made.leaving && i === machines.length - 1 && i > 0;
    return { hostId, hostName: hostId, labels: { even: String(i % 2 === 0) }, action: leaves ? "remove" : "deploy" };
  });
  const { waves, waveOf } = assignWaves(made.strategy, candidates);
  const at = new Date(0);
  return {
    now: 0,
    machines,
    standing: {
      rollout: {
        id: "rol_1",
        organizationId: "org_1",
        stackId: "stk_1",
        stackName: "shop",
        kind: "deploy",
        revision: REVISION,
        bodyDigest: "",
        state: "pending",
        cause: "",
        strategy: made.strategy,
        waves,
        origin: "person",
        reason: "",
        excusedFailures: 0,
        ignoreWindows: made.ignoreWindows,
        overrideLocalHolds: made.overrideLocalHolds,
        recreateVolumes: [],
        createdBy: "ada",
        createdAt: at,
      },
      hosts: candidates.map(({ hostId, hostName, action }, i) => ({
        hostId,
        hostName,
        action,
        wave: waveOf.get(hostId) ?? 0,
        state: "pending",
        cause: "",
        previousRevision: machines[i]?.hadRevision ?? 0,
        retries: 0,
        touched: false,
      })),
    },
  };
}

export function viewsOf(world: World): Map<string, HostView> {
  return new Map(world.machines.map((machine) => [machine.hostId, viewOf(machine)]));
}

function viewOf(machine: Machine): HostView {
  const { presence, since, windowOpen, windowOpensAt, seen, refused } = machine;
  return {
    reach: presence,
    reachCause: presence,
    ...(presence === "reached" ? { reachedSince: since } : {}),
    ...(windowOpen
      ? {}
      : { window: { open: false, ...(windowOpensAt === undefined ? {} : { opensAt: windowOpensAt }) } }),
    ...(refused === undefined ? {} : { refused: { generation: refused, cause: "refused" } }),
    ...(seen === undefined ? {} : { observedGeneration: { term: 1n, n: seen.n }, receivedAt: seen.receivedAt }),
    ...(seen === undefined || (seen.revision === 0 && seen.held === 0) ? {} : { stack: stackOf(seen) }),
  };
}

function stackOf({ at, revision, attempt, work, held }: Report): StackReport {
  const { converged, healthySince, endedSince, failedAttempt, restarts, probed } = work;
  return {
    revision,
    converged,
    problem: failedAttempt === undefined ? "" : "it went back",
    containers: 1,
    waitingFor: "",
    attempt,
    restarts: restarts ?? 0,
    probes: [{ service: "web", name: "tcp :80", passed: probed === true, cause: "" }],
    ...(held === 0 ? {} : { heldRevision: held }),
    ...(healthySince === undefined ? {} : { healthyForMs: at - healthySince }),
    ...(endedSince === undefined ? {} : { ended: { cause: "exited with 1", forMs: at - endedSince, neverRan: false } }),
    ...(failedAttempt === undefined ? {} : { failedAttempt }),
  };
}

/** Plans, checks that the plan is allowed, and does it: all in one transaction, or nothing of it. */
export function takeStep(world: World): RolloutPlan {
  const views = viewsOf(world);
  const { rollout, hosts } = world.standing;
  const plan = planRollout(rollout, hosts, views, world.now);
  expect(planRollout(rollout, hosts, views, world.now), "the same input gives the same plan").toEqual(plan);
  const after = standingAfter(world.standing, plan, tell(world, plan), new Date(world.now));
  expectPlanAllowed(world, plan, after, views);
  world.standing = after;
  return plan;
}

/** Changes what machines must run; returns the generations that carry it. */
function tell(world: World, plan: RolloutPlan): Map<string, Generation> {
  const generations = new Map<string, Generation>();
  for (const step of plan.steps) {
    if (step.op !== "begin-host" && step.op !== "roll-back-host" && step.op !== "restore-host") continue;
    const machine = world.machines.find((one) => one.hostId === step.hostId);
    const host = world.standing.hosts.find((one) => one.hostId === step.hostId);
    if (machine === undefined || host === undefined) throw new Error(`a step for an unknown host: ${step.hostId}`);
    const isBack = step.op !== "begin-host";
    const forward = host.action === "remove" ? 0 : REVISION;
    machine.wanted = {
      n: machine.wanted.n + 1n,
      revision: isBack ? host.previousRevision : forward,
      attempt: attemptOf(world.standing.rollout, host, isBack),
    };
    generations.set(step.hostId, { term: 1n, n: machine.wanted.n });
  }
  return generations;
}

/** Plans until nothing is left to do. */
export function settle(world: World): RolloutPlan {
  for (let round = 0; round < 200; round++) {
    const plan = takeStep(world);
    if (plan.steps.length === 0) return plan;
  }
  throw new Error("it never comes to rest");
}

export const machineActs = ["take", "converge", "settle", "probe", "report", "deliver-old"] as const;

/** What a machine does by itself; nothing of it needs the control plane but being told and telling. */
export function machineDoes(world: World, what: (typeof machineActs)[number], machine: Machine): void {
  const { now } = world;
  if (what === "take" && isOnline(machine) && machine.wanted.n > machine.taken.n) take(machine, now);
  if (what === "converge" && !machine.work.converged && machine.held === 0) {
    const { failedAttempt: _back, ...work } = machine.work;
    machine.work =
      machine.taken.revision === REVISION && machine.fate === "goes-back" ? machine.work : { ...work, converged: true };
  }
  if (what === "settle" && machine.work.converged) machine.work = settled(machine, now);
  if (what === "probe" && machine.work.healthySince !== undefined) machine.work = { ...machine.work, probed: true };
  if (what === "report" && isOnline(machine)) {
    const { taken, work, held } = machine;
    const revision = held === 0 ? taken.revision : held;
    const report = { n: taken.n, at: now, receivedAt: now, revision, attempt: taken.attempt, work, held };
    machine.mail = [...machine.mail.slice(-2), report];
    machine.seen = report;
  }
  // A duplicate, or one that was overtaken: older than what is known already.
  if (what === "deliver-old") machine.seen = machine.mail[0] ?? machine.seen;
}

function take(machine: Machine, now: number): void {
  const generation = { term: 1n, n: machine.wanted.n };
  const isNew = machine.wanted.revision === REVISION;
  if (isNew && machine.fate === "refuses") {
    machine.refused = generation;
    return;
  }
  machine.taken = machine.wanted;
  if (machine.taken.revision === 0) machine.work = { converged: true };
  else if (isNew && machine.fate === "goes-back")
    machine.work = { converged: false, failedAttempt: machine.taken.attempt };
  else machine.work = { converged: false, ...(now < 0 ? { healthySince: now } : {}) };
}

function settled(machine: Machine, now: number): Work {
  const { work } = machine;
  const isNew = machine.taken.revision === REVISION;
  const isGood = isNew ? machine.fate === "healthy" : machine.goodBefore;
  if (isGood) return { ...work, healthySince: work.healthySince ?? now };
  if (isNew && machine.fate === "restarts") return { ...work, restarts: (work.restarts ?? 0) + 2 };
  return { ...work, endedSince: work.endedSince ?? now };
}

export function isOnline(machine: Machine): boolean {
  return machine.presence === "reached" || machine.presence === "uncertain";
}

export function setPresence(world: World, machine: Machine, presence: HostView["reach"]): void {
  if (machine.presence === "gone") return;
  machine.presence = presence;
  machine.since = world.now;
}

/** Ends every fault, says yes to everything, and lets time pass until nothing is left to do. */
export function finish(world: World): void {
  for (const machine of world.machines) {
    setPresence(world, machine, "reached");
    machine.held = 0;
    machine.windowOpen = true;
  }
  for (let round = 0; round < 400 && !isEnded(world.standing.rollout.state); round++) {
    resume(world);
    approveAsked(world);
    settle(world);
    for (const machine of world.machines) {
      // A probe takes longer than the container to be healthy.
      const acts =
        round % 2 === 0 ? (["take", "converge", "settle", "report"] as const) : (["probe", "report"] as const);
      for (const what of acts) machineDoes(world, what, machine);
    }
    world.now += 1_000;
  }
}

export function resume(world: World): void {
  const { paused: _paused, ...rollout } = world.standing.rollout;
  world.standing = { ...world.standing, rollout };
}

export function approveAsked(world: World): void {
  const { rollout } = world.standing;
  const waves = rollout.waves.map((wave) =>
    wave.askedAt !== undefined && wave.startedAt === undefined && wave.approvedAt === undefined
      ? { ...wave, approvedBy: "bob", approvedAt: world.now }
      : wave,
  );
  world.standing = { ...world.standing, rollout: { ...rollout, waves } };
}

export function isTouched(world: World, machine: Machine): boolean {
  return world.standing.hosts.some((host) => host.hostId === machine.hostId && host.touched);
}

export const allEnded = (world: World): boolean => world.standing.hosts.every((host) => isHostEnded(host.state));
