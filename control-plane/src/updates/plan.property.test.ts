import fc from "fast-check";
import { expect, test } from "vitest";
import { assignWaves, plainStrategy, waveRules, type RolloutStrategy } from "../rollouts/index.ts";
import { isFailed, isHostOver, isUpdateEnded, isWanted } from "./model.ts";
import { planUpdate } from "./plan.ts";
import { machineDoes, settle, viewsOf, worldOf, type Fate, type World } from "./testing/fleet.ts";
import { retriedHosts } from "./retry.ts";

// A few seconds of processor; on a machine that does much else it takes its time.
const TIMEOUT_MS = 120_000;
const FLEETS = 2_000;

const fate = fc.constantFrom<Fate>(
  "updates",
  "updates",
  "updates",
  "reverts",
  "refuses",
  "mute",
  "lost",
  "stalls",
  "cannot",
);
const strategy = fc.record({
  waves: fc.array(
    fc.record({
      name: fc.constant(""),
      size: fc.oneof(
        fc.record({ kind: fc.constant("hosts" as const), count: fc.integer({ min: 1, max: 3 }) }),
        fc.record({ kind: fc.constant("percent" as const), percent: fc.integer({ min: 1, max: 100 }) }),
      ),
      pauseMs: fc.constantFrom(0, 0, 3_000),
      needsApproval: fc.boolean(),
      maxParallel: fc.constantFrom(0, 0, 1, 2),
    }),
    { maxLength: 3 },
  ),
  maxParallel: fc.nat({ max: 3 }),
  failureBudget: fc.nat({ max: 2 }),
});
const happening = fc.record({
  what: fc.constantFrom(
    "acts",
    "acts",
    "acts",
    "acts",
    "plan",
    "plan",
    "plan",
    "time",
    "long",
    "offline",
    "online",
    "silent",
    "close",
    "open",
    "gone",
    "approve",
    "pause",
    "resume",
    "retry",
    "cancel",
    "taken-over",
  ),
  machine: fc.nat({ max: 7 }),
});

function made(fates: readonly Fate[], asked: Pick<RolloutStrategy, "waves" | "maxParallel" | "failureBudget">): World {
  const whole: RolloutStrategy = { ...plainStrategy, ...asked };
  const candidates = fates.map((_, i) => {
    return { hostId: `hst_${i}`, hostName: `host-${i}`, labels: {}, action: "deploy" as const };
  });
  const { waves, waveOf } = assignWaves(whole, candidates);
  return worldOf(whole, fates, { settings: waves, waveOf: (i) => waveOf.get(`hst_${i}`) ?? 1 });
}

function happen(world: World, what: string, number: number): void {
  const machine = world.machines[number % world.machines.length]!;
  if (what === "plan") check(world);
  if (what === "acts") machineDoes(world, machine);
  if (what === "time") world.now += 61_000;
  if (what === "long") world.now += 40 * 60_000;
  if (what === "offline") machine.reach = "not-reached";
  if (what === "silent") machine.reach = "uncertain";
  if (what === "online") come(world, machine);
  if (what === "gone" && number === 3) machine.reach = "gone";
  if (what === "close") [machine.windowOpen, machine.windowOpensAt] = [false, world.now + 600_000];
  if (what === "open") machine.windowOpen = true;
  if (isUpdateEnded(world.update.state) && what !== "retry") return;
  if (what === "approve") approve(world);
  if (what === "pause") world.update = { ...world.update, paused: { by: "ada", reason: "" } };
  if (what === "resume") goOn(world);
  if (what === "cancel" && number === 5) world.update = { ...world.update, cancelReason: "" };
  if (what === "taken-over" && number < 2) takeOver(world, machine.hostId);
  if (what === "retry") retry(world);
}

function come(world: World, machine: World["machines"][number]): void {
  if (machine.reach !== "reached") machine.reachedSince = world.now;
  machine.reach = "reached";
}
function goOn(world: World): void {
  const { paused: _, ...rest } = world.update;
  world.update = rest;
}
function approve(world: World): void {
  const waves = world.update.waves.map((wave) =>
    wave.askedAt === undefined || wave.approvedAt !== undefined
      ? wave
      : { ...wave, approvedBy: "ada", approvedAt: world.now },
  );
  world.update = { ...world.update, waves };
}
function takeOver(world: World, hostId: string): void {
  world.hosts = world.hosts.map((host) =>
    host.hostId === hostId && !isHostOver(host.state) ? { ...host, supersededBy: "upd_2" } : host,
  );
}
function retry(world: World): void {
  if (isUpdateEnded(world.update.state) && world.update.state !== "failed") return;
  const { changed } = retriedHosts(world.hosts);
  if (!changed.some((host) => host.retries > 0)) return;
  const byId = new Map(changed.map((host) => [host.hostId, host]));
  world.hosts = world.hosts.map((host) => byId.get(host.hostId) ?? host);
  if (isUpdateEnded(world.update.state)) world.update = { ...world.update, state: "running", cause: "it goes on" };
}

/** One plan, and what must hold of it whatever came before. */
function check(world: World): void {
  const views = viewsOf(world);
  const before = new Map(world.hosts.map((host) => [host.hostId, host]));
  const underWayBefore = new Set(world.hosts.filter(isWanted).map((host) => host.hostId));
  const plan = planUpdate(world.update, world.hosts, views, world.now, waveRules);
  const { failureBudget, maxParallel } = world.update.strategy;
  const told = plan.hosts.filter((host) => host.begun && before.get(host.hostId)?.begun !== true);
  const failed = plan.hosts.filter(isFailed).length;
  // Over the budget nothing is begun; paused or cancelled neither.
  if (failed > failureBudget + world.update.excusedFailures) expect(told).toEqual([]);
  if (world.update.paused !== undefined || world.update.cancelReason !== undefined) expect(told).toEqual([]);
  const underWay = plan.hosts.filter((host) => isWanted(host) && host.state !== "not-reached").length;
  // One that was begun, went away and returned is under way again all the same.
  if (maxParallel > 0 && told.length > 0)
    expect(underWay).toBeLessThanOrEqual(Math.max(maxParallel, underWayBefore.size));
  for (const host of told) {
    expect(views.get(host.hostId)).toMatchObject({ reach: "reached", window: { open: true } });
    expect(plan.update.waves[host.wave - 1]?.startedAt).toBeDefined();
  }
  for (const host of plan.hosts) {
    expect(host.cause).not.toBe("");
    // What is off line is not failed, but where it was lost in the middle of the swap.
    if (
      views.get(host.hostId)?.reach === "not-reached" &&
      host.state === "timed-out" &&
      before.get(host.hostId)?.state !== "timed-out"
    )
      expect(["staged", "proving"]).toContain(host.report?.state);
    const was = before.get(host.hostId)!;
    if (isHostOver(was.state) && was.state !== "timed-out") expect(host).toBe(was);
  }
  settle(world);
  const again = planUpdate(world.update, world.hosts, viewsOf(world), world.now, waveRules);
  expect(again.steps).toEqual([]);
  // No update without an end or a stated wait: it has ended, or time will bring it on, or it says for what it waits.
  const { update } = world;
  if (!isUpdateEnded(update.state) && again.wakeAt === undefined) {
    expect(["waiting", "paused"]).toContain(update.state);
    expect(update.state === "paused" || update.waitingFor !== undefined).toBe(true);
  }
  // Every host that was told and is reached has a time by which it has ended.
  const waits = world.hosts.some((host) => isWanted(host) && viewsOf(world).get(host.hostId)?.reach === "reached");
  if (waits && !isUpdateEnded(update.state)) expect(again.wakeAt).toBeDefined();
}

test(
  "whatever happens: limits hold, nobody off line fails, every host told has a deadline, every wait is said",
  () => {
    fc.assert(
      fc.property(
        fc.array(fate, { minLength: 1, maxLength: 8 }),
        strategy,
        fc.array(happening, { minLength: 5, maxLength: 60 }),
        (fates, asked, happenings) => {
          const world = made(fates, asked);
          for (const { what, machine } of happenings) happen(world, what, machine);
          check(world);
        },
      ),
      { numRuns: FLEETS },
    );
  },
  TIMEOUT_MS,
);

test(
  "when everybody is there and says yes, every update ends, within the time that its hosts are given",
  () => {
    fc.assert(
      fc.property(
        fc.array(fate, { minLength: 1, maxLength: 8 }),
        strategy,
        fc.array(happening, { maxLength: 25 }),
        (fates, asked, happenings) => {
          const world = made(fates, asked);
          for (const { what, machine } of happenings) happen(world, what, machine);
          goOn(world);
          for (const machine of world.machines) {
            machine.windowOpen = true;
            if (machine.reach !== "gone" && machine.fate !== "lost") come(world, machine);
            if (machine.fate === "lost" && machine.report?.state !== "proving") come(world, machine);
          }
          for (let round = 0; round < 200 && !isUpdateEnded(world.update.state); round++) {
            check(world);
            approve(world);
            for (const machine of world.machines) machineDoes(world, machine);
            world.now += 60_000;
          }
          // A machine that is lost for good while it downloads is waited for, as any that is off line.
          const left = world.hosts.filter((host) => host.state === "not-reached");
          if (left.length === 0) expect(isUpdateEnded(world.update.state)).toBe(true);
        },
      ),
      { numRuns: FLEETS / 2 },
    );
  },
  TIMEOUT_MS,
);
