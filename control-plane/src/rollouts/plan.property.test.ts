import fc from "fast-check";
import { expect, test } from "vitest";
import { isEnded, isHostEnded, type HostView, type Rollout, type RolloutHost } from "./model.ts";
import { planRollout } from "./plan.ts";
import type { RolloutPlan } from "./plan-steps.ts";
import { plainStrategy } from "./strategy.ts";

/** A fleet in memory: what hosts do when they are told, as far as a rollout can see it. */
interface World {
  now: number;
  rollout: Rollout;
  hosts: RolloutHost[];
  machines: Machine[];
}
interface Machine {
  hostId: string;
  online: boolean;
  since: number;
  fate: "healthy" | "ends";
  wanted: bigint;
  taken: bigint;
  report?: { at: number; healthySince?: number; endedSince?: number; converged: boolean };
}

const STEP_MS = 700;
const act = fc.record({
  what: fc.constantFrom("time", "take", "converge", "settle", "toggle", "plan", "crash"),
  machine: fc.nat({ max: 4 }),
});
const settings = fc.record({
  fates: fc.array(fc.constantFrom("healthy", "healthy", "healthy", "ends"), { minLength: 1, maxLength: 5 }),
  maxParallel: fc.nat({ max: 3 }),
  failureBudget: fc.nat({ max: 2 }),
});
type Settings = typeof settings extends fc.Arbitrary<infer Value> ? Value : never;

function worldOf(made: Settings): World {
  const machines = made.fates.map((fate, i): Machine => {
    return { hostId: `hst_${i}`, online: true, since: 0, fate: fate as Machine["fate"], wanted: 0n, taken: 0n };
  });
  return {
    now: 0,
    rollout: {
      id: "rol_1",
      stackId: "stk_1",
      kind: "deploy",
      revision: 1,
      state: "pending",
      cause: "",
      strategy: {
        ...plainStrategy,
        maxParallel: made.maxParallel,
        failureBudget: made.failureBudget,
        gate: { ...plainStrategy.gate, deadlineMs: 60_000 },
      },
      waves: [{ name: "all hosts", pauseMs: 0, needsApproval: false, maxParallel: 0, startedAt: 0 }],
      excusedFailures: 0,
      ignoreWindows: false,
      overrideLocalHolds: false,
    },
    hosts: machines.map(({ hostId }) => ({
      hostId,
      hostName: hostId,
      action: "deploy",
      wave: 1,
      state: "pending",
      cause: "",
      previousRevision: 0,
      retries: 0,
      touched: false,
    })),
    machines,
  };
}

function viewsOf(world: World): Map<string, HostView> {
  return new Map(world.machines.map((machine) => [machine.hostId, viewOf(machine)]));
}

function viewOf(machine: Machine): HostView {
  const base: HostView = machine.online
    ? { reach: "reached", reachCause: "online", reachedSince: machine.since }
    : { reach: "not-reached", reachCause: "offline" };
  const { report } = machine;
  if (report === undefined) return base;
  const { at, healthySince, endedSince, converged } = report;
  return {
    ...base,
    observedGeneration: { term: 1n, n: machine.taken },
    receivedAt: at,
    stack: {
      revision: 1,
      converged,
      problem: "",
      containers: 1,
      waitingFor: "",
      ...(healthySince === undefined ? {} : { healthyForMs: at - healthySince }),
      ...(endedSince === undefined
        ? {}
        : { ended: { cause: "exited with code 1", forMs: at - endedSince, neverRan: false } }),
    },
  };
}

function apply(world: World, plan: RolloutPlan): void {
  for (const step of plan.steps) {
    if (step.op === "set-rollout") {
      expect(isEnded(world.rollout.state)).toBe(false);
      const { waitingFor: _for, waitingUntil: _until, ...rest } = world.rollout;
      const { op: _op, target: _target, ...whereabouts } = step;
      world.rollout = { ...rest, ...whereabouts };
      continue;
    }
    if (step.op === "pass-wave") {
      world.rollout = {
        ...world.rollout,
        waves: world.rollout.waves.map((wave) => ({ ...wave, passedAt: world.now })),
      };
    }
    if (!("hostId" in step) || step.op === "restore-host" || step.op === "roll-back-host") continue;
    const i = world.hosts.findIndex((host) => host.hostId === step.hostId);
    const host = world.hosts[i];
    const machine = world.machines[i];
    if (host === undefined || machine === undefined) throw new Error(`a step for an unknown host: ${step.hostId}`);
    expect(isHostEnded(host.state), "an ended host never changes").toBe(false);
    const { deadlineAt: old, ...rest } = host;
    const deadlineAt = step.deadlineAt === "none" ? undefined : (step.deadlineAt ?? old);
    const deadline = deadlineAt === undefined ? {} : { deadlineAt };
    if (step.op === "begin-host") {
      machine.wanted = 1n;
      world.hosts[i] = { ...rest, state: "applying", cause: step.cause, generation: { term: 1n, n: 1n }, ...deadline };
    } else {
      if (step.state === "succeeded") {
        const healthySince = machine.report?.healthySince;
        expect(healthySince, "succeeded only while healthy").toBeDefined();
        expect(world.now - (healthySince ?? 0)).toBeGreaterThanOrEqual(world.rollout.strategy.gate.stableMs);
      }
      world.hosts[i] = { ...rest, state: step.state, cause: step.cause, ...deadline };
    }
  }
  expectParallel(world, plan);
}

// Hosts that come back after they were begun are under way again, whatever the limit: it holds for beginning only.
function expectParallel(world: World, plan: RolloutPlan): void {
  if (world.rollout.strategy.maxParallel === 0 || !plan.steps.some((step) => step.op === "begin-host")) return;
  expect(underWay(world)).toBeLessThanOrEqual(world.rollout.strategy.maxParallel);
}

function underWay(world: World): number {
  return world.hosts.filter((host) => host.state === "applying" || host.state === "checking-health").length;
}

function happen(world: World, what: string, machine: Machine | undefined): void {
  if (what === "time") world.now += STEP_MS;
  if (what === "plan") apply(world, planRollout(world.rollout, world.hosts, viewsOf(world), world.now));
  // A crash between planning and committing: the plan is lost, as its transaction is.
  if (what === "crash") planRollout(world.rollout, world.hosts, viewsOf(world), world.now);
  if (machine === undefined) return;
  if (what === "toggle") {
    machine.online = !machine.online;
    machine.since = world.now;
  }
  if (!machine.online) return;
  if (what === "take" && machine.wanted > machine.taken) {
    machine.taken = machine.wanted;
    machine.report = { at: world.now, converged: false };
  }
  if (what === "converge" && machine.taken > 0n && machine.report?.converged === false) {
    machine.report = { at: world.now, converged: true };
  }
  if (what === "settle" && machine.report?.converged === true && machine.report.healthySince === undefined) {
    machine.report =
      machine.fate === "healthy"
        ? { at: world.now, converged: true, healthySince: world.now }
        : { at: world.now, converged: true, endedSince: machine.report.endedSince ?? world.now };
  }
}

/** Brings every machine back and lets everything happen, in a fixed order, until nothing is left to do. */
function finish(world: World): void {
  for (const machine of world.machines) if (!machine.online) happen(world, "toggle", machine);
  for (let round = 0; round < 200 && !isEnded(world.rollout.state); round++) {
    happen(world, "plan", undefined);
    for (const machine of world.machines)
      for (const what of ["take", "converge", "settle"]) happen(world, what, machine);
    happen(world, "time", undefined);
  }
}

const outcome = (world: World): string[] => world.hosts.map((host) => `${host.hostName} ${host.state}`);

test("every order of events and crashes ends, keeps max_parallel, and never succeeds without the health gate", () => {
  fc.assert(
    fc.property(settings, fc.array(act, { maxLength: 80 }), (made, acts) => {
      const world = worldOf(made);
      for (const { what, machine } of acts) happen(world, what, world.machines[machine]);
      finish(world);
      expect(isEnded(world.rollout.state)).toBe(true);
      expect(world.hosts.every((host) => isHostEnded(host.state))).toBe(true);
      const failures = world.hosts.filter((host) => host.state === "failed").length;
      expect(world.rollout.state).toBe(failures > 0 ? "failed" : "succeeded");
      expect(planRollout(world.rollout, world.hosts, viewsOf(world), world.now).steps).toEqual([]);
    }),
    { numRuns: 500 },
  );
});

test("crashes change nothing: the same events without them end in the same place", () => {
  fc.assert(
    fc.property(settings, fc.array(act, { maxLength: 60 }), (made, acts) => {
      const ends = [true, false].map((crashing) => {
        const world = worldOf(made);
        for (const { what, machine } of acts)
          if (crashing || what !== "crash") happen(world, what, world.machines[machine]);
        finish(world);
        return outcome(world);
      });
      expect(ends[0]).toEqual(ends[1]);
    }),
    { numRuns: 300 },
  );
});

test("planning twice in a row plans nothing the second time", () => {
  fc.assert(
    fc.property(settings, fc.array(act, { maxLength: 60 }), (made, acts) => {
      const world = worldOf(made);
      for (const { what, machine } of acts) happen(world, what, world.machines[machine]);
      // Twice: a host that was begun is seen by the second plan for the first time.
      happen(world, "plan", undefined);
      happen(world, "plan", undefined);
      expect(planRollout(world.rollout, world.hosts, viewsOf(world), world.now).steps).toEqual([]);
    }),
    { numRuns: 300 },
  );
});
