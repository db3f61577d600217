import fc from "fast-check";
import { expect, test } from "vitest";
import type { DesiredStack } from "./desired.ts";
import { planStacks } from "./plan.ts";
import type { Replacement } from "./replacement.ts";
import type { Plan, Step } from "./steps.ts";
import { arbitraryStack } from "./testing/arbitrary-stack.ts";
import { createModelEngine, type ModelEngine } from "./testing/model-engine.ts";
import { planNow } from "./testing/plan-text.ts";
import { desiredWorld, emptyWorld, stranger } from "./testing/small-world.ts";

// A changed network needs a round more than the rest; a crash in the middle another.
const ROUNDS = 12;
// Some thousand runs in all, in a few seconds.
const RUNS = { numRuns: 300 };

function startingWorld(): ModelEngine {
  return createModelEngine(
    emptyWorld({
      containers: [stranger("redis"), stranger("shop-other-1", { labels: { "com.docker.compose.project": "else" } })],
      networks: [{ id: "net-other", name: "other_default", driver: "bridge", labels: {} }],
      volumes: [{ name: "other_data", driver: "local", labels: {} }],
    }),
  );
}

function planOf(engine: ModelEngine, stacks: readonly DesiredStack[]): Plan {
  return planNow(engine, stacks);
}

function bringToRest(engine: ModelEngine, stacks: readonly DesiredStack[]): void {
  for (let round = 0; round < ROUNDS; round++) {
    const plan = planOf(engine, stacks);
    if (plan.steps.length === 0 && plan.recheckAt === undefined) return;
    engine.run(plan, desiredWorld(...stacks));
    engine.passTime(Math.max(0, (plan.recheckAt ?? 0) - engine.world().observedAt));
  }
}

test("a plan that is applied leaves nothing to do, from nothing, from another revision, and to nothing", () => {
  fc.assert(
    fc.property(arbitraryStack(1), arbitraryStack(2), (first, second) => {
      const engine = startingWorld();
      for (const stacks of [[first], [second], []]) {
        bringToRest(engine, stacks);
        expect(planOf(engine, stacks).steps).toEqual([]);
      }
      expect(engine.world().containers.map(({ name }) => name)).toEqual(["redis", "shop-other-1"]);
    }),
    RUNS,
  );
});

test("an agent that dies after any step ends in the same place", () => {
  fc.assert(
    fc.property(arbitraryStack(1), arbitraryStack(2), fc.nat({ max: 30 }), (first, second, limit) => {
      const engine = startingWorld();
      bringToRest(engine, [first]);
      engine.run(planOf(engine, [second]), desiredWorld(second), limit);
      bringToRest(engine, [second]);
      expect(planOf(engine, [second]).steps).toEqual([]);
    }),
    RUNS,
  );
});

test("a change of mind after any step ends in the newest revision", () => {
  const revisions = fc.tuple(arbitraryStack(1), arbitraryStack(2), arbitraryStack(3), arbitraryStack(4));
  fc.assert(
    fc.property(revisions, fc.nat({ max: 20 }), fc.nat({ max: 20 }), ([first, second, third, last], cut, nextCut) => {
      const engine = startingWorld();
      bringToRest(engine, [first]);
      engine.run(planOf(engine, [second]), desiredWorld(second), cut);
      engine.run(planOf(engine, [third]), desiredWorld(third), nextCut);
      bringToRest(engine, [last]);
      expect(planOf(engine, [last]).steps).toEqual([]);
    }),
    RUNS,
  );
});

test("volumes that nobody allowed to go, and strangers, are never touched", () => {
  fc.assert(
    fc.property(arbitraryStack(1), arbitraryStack(2), (first, allowing) => {
      const second = { ...allowing, recreateVolumes: [] };
      const engine = startingWorld();
      const before = engine.world();
      bringToRest(engine, [first]);
      const { volumes } = engine.world();
      bringToRest(engine, [second]);
      bringToRest(engine, []);
      expect(engine.world().containers).toEqual(before.containers);
      expect(engine.world().networks).toEqual(before.networks);
      expect(engine.world().volumes).toEqual(expect.arrayContaining([...volumes]));
    }),
    RUNS,
  );
});

test("the same input gives the same plan, in whatever order the engine lists", () => {
  fc.assert(
    fc.property(arbitraryStack(1), arbitraryStack(2), (first, second) => {
      const engine = startingWorld();
      bringToRest(engine, [first]);
      const observed = engine.world();
      const turned = {
        ...observed,
        containers: observed.containers.toReversed(),
        networks: observed.networks.toReversed(),
        volumes: observed.volumes.toReversed(),
        images: observed.images.toReversed(),
      };
      const desired = desiredWorld(second);
      expect(JSON.stringify(planStacks({ observed: turned, desired }))).toBe(
        JSON.stringify(planStacks({ observed, desired })),
      );
    }),
    RUNS,
  );
});

test("every step has a cause, and nothing is stopped before all images are there", () => {
  fc.assert(
    fc.property(arbitraryStack(1), arbitraryStack(2), (first, second) => {
      const engine = startingWorld();
      bringToRest(engine, [first]);
      const { steps } = planOf(engine, [second]);
      const firstStop = steps.findIndex(({ op }) => op === "stop-container" || op === "remove-container");
      const lastPull = steps.findLastIndex(({ op }) => op === "pull-image" || op === "load-image");
      expect(firstStop < 0 || lastPull < firstStop).toBe(true);
      expect(steps.filter(({ cause }) => cause === "")).toEqual([]);
    }),
    RUNS,
  );
});

test("only what was named is made anew, and then with the settings of the revision", () => {
  fc.assert(
    fc.property(arbitraryStack(1), arbitraryStack(2), (first, second) => {
      const engine = startingWorld();
      bringToRest(engine, [first]);
      const before = engine.world().volumes;
      bringToRest(engine, [second]);
      const allowed = new Set((second.recreateVolumes ?? []).map((key) => `shop_${key}`));
      const kept = before.filter(({ name }) => !allowed.has(name));
      expect(engine.world().volumes).toEqual(expect.arrayContaining(kept));
    }),
    RUNS,
  );
});

test("a start waits for what it depends on, and nothing waits for itself", () => {
  fc.assert(
    fc.property(arbitraryStack(1), arbitraryStack(2), (first, second) => {
      const engine = startingWorld();
      bringToRest(engine, [first]);
      const { steps } = planOf(engine, [second]);
      const place = new Map(steps.map(({ id }, i) => [id, i]));
      for (const [i, { dependsOn }] of steps.entries())
        for (const id of dependsOn) expect(place.get(id)).toBeLessThan(i);
      const starts = steps.filter(({ op }) => op === "start-container");
      for (const start of starts)
        for (const on of Object.keys(second.model.services[start.service ?? ""]?.depends_on ?? {}))
          for (const other of starts.filter(({ service }) => service === on))
            expect(waitsFor(steps, start.id, other.id)).toBe(true);
    }),
    RUNS,
  );
});

test("whatever fails at whatever step, the end is the old state or the new one, and stays", () => {
  const failing = fc.record({
    cut: fc.nat({ max: 30 }),
    victim: fc.nat({ max: 3 }),
    how: fc.constantFrom("start", "exit", "health"),
  });
  fc.assert(
    fc.property(arbitraryStack(1), arbitraryStack(2), failing, (first, changed, { cut, victim, how }) => {
      // From a network or volume that was made anew there is no way back.
      const networks = { networks: first.model.networks ?? {} };
      const second = { ...changed, recreateVolumes: [], model: { ...changed.model, ...networks } };
      const engine = startingWorld();
      bringToRest(engine, [first]);
      engine.run(planOf(engine, [second]), desiredWorld(second), cut);
      const slots = engine.replacements().filter(({ previousId }) => previousId !== undefined);
      const slot = slots[victim % Math.max(1, slots.length)];
      if (slot) breakSlot(engine, slot, how);
      bringToRest(engine, [second]);
      expect(planOf(engine, [second]).steps).toEqual([]);
      expectWhole(engine, second);
    }),
    RUNS,
  );
});

test("what docker compose made and was adopted becomes what is wanted, as anything else does", () => {
  fc.assert(
    fc.property(arbitraryStack(1), arbitraryStack(2), (first, second) => {
      const engine = startingWorld();
      bringToRest(engine, [first]);
      const ids = engine
        .world()
        .containers.filter(({ labels }) => labels["dev.windflow.stack"] !== undefined)
        .map(({ id }) => id);
      engine.change((world) => ({
        ...world,
        containers: world.containers.map((container) => ({ ...container, labels: withoutOurs(container.labels) })),
      }));
      const adopting = { ...second, adopted: ids };
      bringToRest(engine, [adopting]);
      expect(planOf(engine, [adopting]).steps).toEqual([]);
      expectWhole(engine, adopting);
    }),
    RUNS,
  );
});

function withoutOurs(labels: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(labels).filter(([key]) => !key.startsWith("dev.windflow.")));
}

function waitsFor(steps: readonly Step[], id: string, other: string): boolean {
  const step = steps.find((one) => one.id === id);
  return step?.dependsOn.some((before) => before === other || waitsFor(steps, before, other)) ?? false;
}

/** Lets the new container of a slot fail in one of the ways in which containers do. */
function breakSlot(engine: ModelEngine, { slot, previousId }: Replacement, how: string): void {
  const fresh = engine
    .world()
    .containers.find(({ id, name, state }) => id !== previousId && name.endsWith(slot) && state === "running");
  if (how === "start" || fresh === undefined) return engine.noteFailed(slot, "the engine refused it");
  engine.change((world) => ({
    ...world,
    containers: world.containers.map((container) => {
      if (container !== fresh) return container;
      const { interrupted: _interrupted, hooksDue: _hooksDue, ...rest } = container;
      return how === "exit"
        ? { ...rest, state: "exited" as const, exitCode: 1, health: "none" as const, ports: [] }
        : { ...rest, health: "unhealthy" as const };
    }),
  }));
}

/** One container a place, under its own name, and all of one revision where something went back. */
function expectWhole(engine: ModelEngine, wanted: DesiredStack): void {
  const own = engine.world().containers.filter(({ labels }) => labels["com.docker.compose.project"] === wanted.project);
  const places = own.map(
    ({ labels }) => `${labels["com.docker.compose.service"]} ${labels["com.docker.compose.container-number"]}`,
  );
  expect(new Set(places).size).toBe(places.length);
  expect(own.filter(({ name }) => /^[0-9a-f]{12}_|_[0-9a-f]{12}$/.test(name))).toEqual([]);
}
