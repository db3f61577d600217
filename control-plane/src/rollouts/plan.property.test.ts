import fc from "fast-check";
import { expect, test } from "vitest";
import { isEnded, isHostEnded, isUnderWay } from "./model.ts";
import { planRollout } from "./plan.ts";
import { retriedHosts } from "./retry.ts";
import { plainStrategy, type RolloutStrategy, type Wave } from "./strategy.ts";
import type { Fate, Machine, Made, World } from "./testing/fleet-model.ts";
import {
  allEnded,
  approveAsked,
  finish,
  isTouched,
  machineActs,
  machineDoes,
  resume,
  setPresence,
  settle,
  takeStep,
  viewsOf,
  worldOf,
} from "./testing/world.ts";

// A few seconds of processor; on a machine that does much else it takes its time.
const TIMEOUT_MS = 120_000;

const fate = fc.constantFrom<Fate>(
  "healthy",
  "healthy",
  "healthy",
  "healthy",
  "ends",
  "goes-back",
  "refuses",
  "restarts",
);
const size: fc.Arbitrary<Wave["size"]> = fc.oneof(
  fc.record({ kind: fc.constant("hosts" as const), count: fc.integer({ min: 1, max: 3 }) }),
  fc.record({ kind: fc.constant("percent" as const), percent: fc.integer({ min: 1, max: 100 }) }),
  fc.constant({ kind: "list" as const, hostIds: ["hst_1", "hst_3", "hst_77"] }),
  fc.constant({ kind: "labels" as const, matchLabels: { even: "true" } }),
);
const wave: fc.Arbitrary<Wave> = fc.record({
  name: fc.constant(""),
  size,
  pauseMs: fc.constantFrom(0, 0, 3_000),
  needsApproval: fc.boolean(),
  maxParallel: fc.constantFrom(0, 0, 1, 2),
});
const probe = { service: "web", tcpPort: 80 } as RolloutStrategy["gate"]["probes"][number];
const strategy: fc.Arbitrary<RolloutStrategy> = fc.record({
  waves: fc.array(wave, { maxLength: 3 }),
  maxParallel: fc.nat({ max: 3 }),
  failureBudget: fc.nat({ max: 2 }),
  onFailure: fc.constantFrom("stop" as const, "roll-back" as const),
  gate: fc.record({
    stableMs: fc.constantFrom(0, 2_000),
    deadlineMs: fc.constant(60_000),
    maxRestarts: fc.constant(3),
    probes: fc.constantFrom([], [probe]),
    conditions: fc.constant([]),
  }),
});
const made: fc.Arbitrary<Made> = fc.record({
  machines: fc.array(
    fc.record({ hadRevision: fc.constantFrom(0, 3, 4, 5), fate, goodBefore: fc.constantFrom(true, true, false) }),
    {
      minLength: 1,
      maxLength: 7,
    },
  ),
  strategy,
  ignoreWindows: fc.constantFrom(false, false, true),
  overrideLocalHolds: fc.constantFrom(false, false, true),
  leaving: fc.boolean(),
});

const faults = ["offline", "online", "silent", "hold", "release", "close", "open", "never-opens", "gone"] as const;
const people = ["approve", "pause", "resume", "retry", "roll-back"] as const;
const clocks = ["time", "time", "long", "back", "ahead"] as const;
const what = fc.oneof(
  { weight: 5, arbitrary: fc.constantFrom(...machineActs) },
  { weight: 4, arbitrary: fc.constantFrom("plan" as const, "plan" as const, "crash" as const) },
  { weight: 3, arbitrary: fc.constantFrom(...clocks) },
  { weight: 2, arbitrary: fc.constantFrom(...faults) },
  { weight: 1, arbitrary: fc.constantFrom(...people) },
);
const act = fc.record({ what, machine: fc.nat({ max: 6 }) });
type Act = typeof act extends fc.Arbitrary<infer Value> ? Value : never;

function happen(world: World, { what: happens, machine: number }: Act): void {
  if (happens === "plan") takeStep(world);
  // A crash between planning and committing: the plan is lost, as its transaction is.
  if (happens === "crash") planRollout(world.standing.rollout, world.standing.hosts, viewsOf(world), world.now);
  if (happens === "time") world.now += 700;
  if (happens === "long") world.now += 20_000;
  if (happens === "ahead") world.now += 3_600_000;
  if (happens === "back") world.now -= 5_000;
  personDoes(world, happens, number);
  const machine = world.machines[number % world.machines.length];
  if (machine === undefined) return;
  const own = machineActs.find((one) => one === happens);
  if (own !== undefined) machineDoes(world, own, machine);
  else befall(world, happens, machine);
}

function befall(world: World, happens: string, machine: Machine): void {
  if (happens === "offline") setPresence(world, machine, "not-reached");
  if (happens === "online") setPresence(world, machine, "reached");
  if (happens === "silent") setPresence(world, machine, "uncertain");
  if (happens === "gone" && machine.hostId === "hst_2") setPresence(world, machine, "gone");
  if (happens === "hold" && machine.hadRevision > 0) machine.held = machine.hadRevision;
  if (happens === "release") machine.held = 0;
  if (happens === "close" || happens === "never-opens") {
    machine.windowOpen = false;
    machine.windowOpensAt = happens === "close" ? world.now + 10_000 : undefined;
  }
  if (happens === "open") machine.windowOpen = true;
}

/** As the API does it: refused acts change nothing. */
function personDoes(world: World, happens: string, number: number): void {
  const { rollout, hosts } = world.standing;
  const isForward = !isEnded(rollout.state) && rollout.rollBackReason === undefined;
  const isCurrent = !isEnded(rollout.state) || rollout.state === "failed";
  const reopened = isEnded(rollout.state) ? { state: "running" as const } : {};
  if (happens === "approve" && isForward) approveAsked(world);
  if (happens === "pause" && isForward) {
    world.standing = { hosts, rollout: { ...rollout, paused: { by: "ada", reason: "" } } };
  }
  if (happens === "resume" && isForward) resume(world);
  if (happens === "roll-back" && isCurrent && rollout.rollBackReason === undefined) {
    world.standing = { hosts, rollout: { ...rollout, rollBackReason: "ada", ...reopened } };
  }
  if (happens === "retry" && isCurrent) {
    const only = number % 2 === 0 ? new Set<string>() : new Set([`hst_${number}`]);
    const { changed, failedLeft } = retriedHosts(rollout, hosts, only);
    if (changed.length === 0) return;
    const byId = new Map(changed.map((host) => [host.hostId, host]));
    world.standing = {
      hosts: hosts.map((host) => byId.get(host.hostId) ?? host),
      rollout: { ...rollout, excusedFailures: failedLeft, ...reopened },
    };
  }
}

/** Ended, under way, or waiting for something that is named. */
function expectAccountedFor(world: World, wakeAt: number | undefined): void {
  const { rollout, hosts } = world.standing;
  if (isEnded(rollout.state)) {
    expect(allEnded(world), "an ended rollout has only ended hosts").toBe(true);
    return;
  }
  const open = hosts.filter((host) => !isHostEnded(host.state));
  expect(open.length, "an open rollout has something left to do").toBeGreaterThan(0);
  if (rollout.state === "running") {
    expect(
      open.some((host) => isUnderWay(host.state)),
      "running: a host is under way",
    ).toBe(true);
    return;
  }
  if (rollout.state === "paused") expect(rollout.paused).toBeDefined();
  else if (rollout.state === "rolling-back") expect(rollout.rollBackReason).toBeDefined();
  else expectWaitNamed(world, wakeAt);
}

function expectWaitNamed(world: World, wakeAt: number | undefined): void {
  const { rollout } = world.standing;
  expect(rollout.state).toBe("waiting");
  if (rollout.waitingFor === "pause") expect(rollout.waitingUntil).toBeGreaterThan(world.now);
  if (rollout.waitingFor === "approval") expect(rollout.waves.some((one) => one.askedAt !== undefined)).toBe(true);
  if (rollout.waitingUntil !== undefined) {
    expect(wakeAt, "it wakes when its wait is over").toBeLessThanOrEqual(rollout.waitingUntil);
  }
  if (rollout.waitingFor === "hosts") {
    const away = world.machines.some((machine) => machine.presence !== "reached" || (machine.seen?.held ?? 0) > 0);
    expect(away, "waits for hosts only while one is away").toBe(true);
  }
  expect(rollout.waitingFor, "a wait has a name").toBeDefined();
}

function play(settings: Made, acts: readonly Act[]): World {
  const world = worldOf(settings);
  for (const one of acts) happen(world, one);
  return world;
}

test(
  "whatever happens: no rule is broken on the way, what is waited for has a name, and in the end it ends",
  { timeout: TIMEOUT_MS },
  () => {
    fc.assert(
      fc.property(made, fc.array(act, { maxLength: 120 }), (settings, acts) => {
        const world = play(settings, acts);
        expectAccountedFor(world, settle(world).wakeAt);
        finish(world);
        const { rollout, hosts } = world.standing;
        expect(isEnded(rollout.state), `${rollout.state}: ${rollout.cause}`).toBe(true);
        expect(allEnded(world)).toBe(true);
        expect(planRollout(rollout, hosts, viewsOf(world), world.now).steps).toEqual([]);
        if (rollout.state === "succeeded") expect(hosts.some((host) => host.state === "failed")).toBe(false);
      }),
      { numRuns: 2_500 },
    );
  },
);

test(
  "a rollout that went back left every touched host with its own previous revision, and no other changed",
  { timeout: TIMEOUT_MS },
  () => {
    let back = 0;
    fc.assert(
      fc.property(made, fc.array(act, { maxLength: 60 }), (settings, acts) => {
        const world = play({ ...settings, strategy: { ...settings.strategy, onFailure: "roll-back" } }, acts);
        finish(world);
        if (world.standing.rollout.rollBackReason === undefined) return;
        back++;
        for (const machine of world.machines) {
          const host = world.standing.hosts.find((one) => one.hostId === machine.hostId);
          // Nobody tells a revoked host anything any more.
          if (machine.presence === "gone") continue;
          expect(machine.wanted.revision, "wants what it ran before").toBe(machine.hadRevision);
          if (!isTouched(world, machine)) expect(machine.wanted.n, "was never told anything").toBe(1n);
          if (host?.state === "rolled-back") expect(machine.seen?.revision).toBe(machine.hadRevision);
        }
      }),
      { numRuns: 1_500 },
    );
    expect(back).toBeGreaterThan(100);
  },
);

test("crashes change nothing: the same events without them end in the same place", { timeout: TIMEOUT_MS }, () => {
  fc.assert(
    fc.property(made, fc.array(act, { maxLength: 80 }), (settings, acts) => {
      const [crashing, calm] = [acts, acts.filter((one) => one.what !== "crash")].map((some) => {
        const world = play(settings, some);
        finish(world);
        return world.standing.hosts.map((host) => `${host.hostName} ${host.state}`);
      });
      expect(crashing).toEqual(calm);
    }),
    { numRuns: 300 },
  );
});

test(
  "it comes to rest: planning again after the last step plans nothing until the world or the time changes",
  { timeout: TIMEOUT_MS },
  () => {
    fc.assert(
      fc.property(made, fc.array(act, { maxLength: 80 }), (settings, acts) => {
        const world = play(settings, acts);
        settle(world);
        const { rollout, hosts } = world.standing;
        expect(planRollout(rollout, hosts, viewsOf(world), world.now).steps).toEqual([]);
      }),
      { numRuns: 700 },
    );
  },
);

test(
  "when the time that it waits for has come, something happens or the wait is another",
  { timeout: TIMEOUT_MS },
  () => {
    fc.assert(
      fc.property(made, fc.array(act, { maxLength: 80 }), (settings, acts) => {
        const world = play(settings, acts);
        const { wakeAt } = settle(world);
        if (wakeAt === undefined || wakeAt <= world.now) return;
        const before = world.standing.rollout;
        world.now = wakeAt;
        for (const machine of world.machines) {
          if ((machine.windowOpensAt ?? Infinity) <= wakeAt) machine.windowOpen = true;
        }
        const plan = takeStep(world);
        expect(plan.steps.length > 0 || plan.wakeAt !== wakeAt, `${before.state}: ${before.cause}`).toBe(true);
      }),
      { numRuns: 700 },
    );
  },
);

test("the plain strategy begins all at once", () => {
  const machines = ["a", "b", "c"].map(() => ({ hadRevision: 0, fate: "healthy" as const, goodBefore: true }));
  const flags = { ignoreWindows: false, overrideLocalHolds: false, leaving: false };
  const world = worldOf({ machines, strategy: plainStrategy, ...flags });
  settle(world);
  expect(world.standing.hosts.map((host) => host.state)).toEqual(["applying", "applying", "applying"]);
});
