import fc from "fast-check";
import { expect, test } from "vitest";
import type { DesiredStack } from "./desired.ts";
import { planStacks } from "./plan.ts";
import type { Plan } from "./steps.ts";
import { arbitraryStack } from "./testing/arbitrary-stack.ts";
import { createModelEngine, type ModelEngine } from "./testing/model-engine.ts";
import { planNow } from "./testing/plan-text.ts";
import { desiredWorld, emptyWorld, stranger } from "./testing/small-world.ts";

// A changed network needs a round more than the rest; a crash in the middle another.
const ROUNDS = 12;
const RUNS = { numRuns: 100 };

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

test("volumes and strangers are never touched", () => {
  fc.assert(
    fc.property(arbitraryStack(1), arbitraryStack(2), (first, second) => {
      const engine = startingWorld();
      const before = engine.world();
      bringToRest(engine, [first]);
      const volumes = engine.world().volumes.map(({ name }) => name);
      bringToRest(engine, [second]);
      bringToRest(engine, []);
      expect(engine.world().containers).toEqual(before.containers);
      expect(engine.world().networks).toEqual(before.networks);
      expect(engine.world().volumes.map(({ name }) => name)).toEqual(expect.arrayContaining(volumes));
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
      const lastPull = steps.findLastIndex(({ op }) => op === "pull-image");
      expect(firstStop < 0 || lastPull < firstStop).toBe(true);
      expect(steps.filter(({ cause }) => cause === "")).toEqual([]);
    }),
    RUNS,
  );
});
