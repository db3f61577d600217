import { expect, test } from "vitest";
import { assignWaves, plainStrategy, waveRules, type RolloutStrategy } from "../rollouts/index.ts";
import { defaultStrategy } from "./strategy.ts";
import { formatPlan, planUpdate } from "./plan.ts";
import { machineDoes, settle, viewsOf, worldOf, type Fate, type World } from "./testing/fleet.ts";

function fleet(fates: readonly Fate[], strategy: RolloutStrategy = plainStrategy): World {
  const candidates = fates.map((_, i) => {
    return { hostId: `hst_${i}`, hostName: `host-${i}`, labels: {}, action: "deploy" as const };
  });
  const { waves, waveOf } = assignWaves(strategy, candidates);
  return worldOf(strategy, fates, { settings: waves, waveOf: (i) => waveOf.get(`hst_${i}`) ?? 1 });
}
const states = (world: World): string[] => world.hosts.map((host) => host.state);
const allDo = (world: World): void => world.machines.forEach((machine) => machineDoes(world, machine));

test("by itself: one host, then a tenth, then all", () => {
  const world = fleet(
    Array.from({ length: 20 }, () => "updates" as const),
    defaultStrategy,
  );
  const told: number[] = [];
  for (let round = 0; round < 20; round++) {
    const now = settle(world);
    if (now.length > 0) told.push(now.length);
    allDo(world);
  }
  expect(told).toEqual([1, 2, 17]);
  expect(world.update).toMatchObject({ state: "succeeded", cause: "20 updated to 0.2.0" });
});

test("a plan is text", () => {
  const world = fleet(["updates", "cannot"]);
  const plan = planUpdate(world.update, world.hosts, viewsOf(world), world.now, waveRules);
  expect(formatPlan(plan).split("\n")).toEqual([
    "begin-wave wave 1 (all hosts): it is the first",
    "tell-host host host-0: told to become 0.2.0",
    "set-host host host-1: refused: its agent cannot update itself: it runs as a container",
    "set-update update upd_1: running: 0 of 2 hosts done",
  ]);
});

test("an agent that is told and says nothing does not stay so: named, with when, after two minutes", () => {
  const world = fleet(["mute"]);
  settle(world);
  expect(states(world)).toEqual(["sent"]);
  world.now += 119_000;
  settle(world);
  expect(states(world)).toEqual(["sent"]);
  world.now += 2_000;
  settle(world);
  expect(world.hosts[0]).toMatchObject({
    state: "timed-out",
    cause:
      "it was told at 2026-11-23T12:00Z and said nothing within 2 minutes: its agent 0.1.0 may not know updates, or hangs",
  });
  expect(world.update).toMatchObject({ state: "failed" });
});

test("a host that is away is waited for, does not eat the budget, and is brought along when it returns", () => {
  const world = fleet(["updates", "updates"]);
  const [, away] = world.machines;
  away!.reach = "not-reached";
  for (let round = 0; round < 6; round++) {
    settle(world);
    allDo(world);
  }
  settle(world);
  expect(states(world)).toEqual(["succeeded", "not-reached"]);
  expect(world.update).toMatchObject({ state: "waiting", waitingFor: "hosts" });
  world.now += 40 * 86_400_000;
  settle(world);
  expect(states(world)).toEqual(["succeeded", "not-reached"]);
  away!.reach = "reached";
  away!.reachedSince = world.now;
  for (let round = 0; round < 6; round++) {
    settle(world);
    allDo(world);
  }
  settle(world);
  expect(world.update).toMatchObject({ state: "succeeded", cause: "2 updated to 0.2.0" });
});

test("a host that is lost while it changes its agent counts as failed, and is taken back when it returns in time", () => {
  const world = fleet(["lost", "updates"], { ...plainStrategy, waves: [], failureBudget: 1 });
  world.machines[1]!.reach = "not-reached";
  for (let round = 0; round < 6; round++) {
    settle(world);
    allDo(world);
  }
  expect(states(world)).toEqual(["proving", "not-reached"]);
  // The time that its session has to last comes on top, as often as it may be started.
  world.now += 15 * 60_000;
  settle(world);
  expect(states(world)).toEqual(["proving", "not-reached"]);
  world.now += 3 * plainStrategy.gate.stableMs;
  settle(world);
  expect(world.hosts[0]).toMatchObject({ state: "timed-out", cause: expect.stringContaining("has not come back") });
  expect(world.update.state).toBe("waiting");
  const [machine] = world.machines;
  machine!.reach = "reached";
  machine!.report = { ...machine!.report!, state: "succeeded", movedAt: world.now };
  settle(world);
  world.hosts = world.hosts.map((host, i) => (i === 0 ? { ...host, report: machine!.report! } : host));
  settle(world);
  expect(states(world)[0]).toBe("succeeded");
});

test("bytes that stand still for half an hour end the wait; a link that is cut does not", () => {
  const world = fleet(["stalls"]);
  settle(world);
  allDo(world);
  settle(world);
  world.machines[0]!.reach = "not-reached";
  world.now += 60 * 60_000;
  settle(world);
  expect(states(world)).toEqual(["not-reached"]);
  world.machines[0]!.reach = "reached";
  world.machines[0]!.reachedSince = world.now;
  settle(world);
  expect(states(world)).toEqual(["downloading"]);
  world.now += 31 * 60_000;
  settle(world);
  expect(world.hosts[0]).toMatchObject({
    state: "timed-out",
    cause: expect.stringContaining("no byte came within 30 minutes"),
  });
});

test("outside of its maintenance window a host waits, with the time", () => {
  const world = fleet(["updates"]);
  const [machine] = world.machines;
  machine!.windowOpen = false;
  machine!.windowOpensAt = world.now + 3_600_000;
  settle(world);
  expect(world.hosts[0]).toMatchObject({ state: "pending", windowOpensAt: world.now + 3_600_000 });
  expect(world.update).toMatchObject({ state: "waiting", waitingFor: "window", waitingUntil: world.now + 3_600_000 });
});
