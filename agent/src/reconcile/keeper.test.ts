import type { DesiredWorld, ObservedContainer, ObservedWorld, Step } from "@windflow/core";
import { expect, test } from "vitest";
import { createKeeper } from "./keeper.ts";
import type { ReconcileMemory } from "./options.ts";

const HOLD = { stackId: "stk_1", revision: 1, service: "web", number: 1 };

function desired(revision: number): DesiredWorld {
  const model = { name: "shop", services: { web: { image: "app:1", command: null, entrypoint: null } } };
  const stack = {
    stackId: "stk_1",
    stackName: "shop",
    project: "shop",
    revision,
    bodyDigest: "b",
    model,
    files: {},
    images: {},
  };
  return { organizationId: "org_1", generation: "1.1", stacks: [stack] };
}

function container(id: string, state: ObservedContainer["state"]): ObservedContainer {
  return {
    id,
    name: id,
    image: "",
    imageId: "",
    labels: {},
    state,
    health: "none",
    createdAt: 0,
    statusText: "",
    networkMode: "",
    networks: [],
    mounts: [],
    ports: [],
    command: "",
  };
}

function world(imageId: string): ObservedWorld {
  const engine = {
    id: "",
    name: "",
    version: "",
    apiVersion: "",
    operatingSystem: "",
    architecture: "",
    storageDriver: "",
  };
  const images = [{ id: imageId, tags: ["app:1"], digests: [`app@sha256:${imageId}`], sizeBytes: 1 }];
  return { observedAt: 0, engine, containers: [], networks: [], volumes: [], images };
}

function store(initial?: ReconcileMemory): {
  load(): ReconcileMemory | undefined;
  save(next: ReconcileMemory): void;
  saves: number;
} {
  let memory = initial;
  return {
    load: () => memory,
    save(next) {
      memory = next;
      this.saves += 1;
    },
    saves: 0,
  };
}

test("a tag that moves on the host does not change what a revision runs", () => {
  const memory = store();
  const keeper = createKeeper(memory, "boot-1");
  keeper.learn(world("one"), desired(1), []);
  keeper.learn(world("two"), desired(1), []);
  const images = createKeeper(memory, "boot-1").pinned(desired(1)).stacks[0]?.images;
  expect(images).toEqual({ "app:1": { ids: ["one"], pullFrom: "app@sha256:one" } });
  expect(memory.saves).toBe(1);
});

test("a new revision is resolved anew, and frees what was held", () => {
  const keeper = createKeeper(store(), "boot-1");
  keeper.learn(world("one"), desired(1), []);
  keeper.hold(HOLD, "a", 1);
  keeper.learn(world("two"), desired(2), []);
  expect(keeper.pinned(desired(2)).stacks[0]?.images["app:1"]?.ids).toEqual(["two"]);
  expect(keeper.holds).toEqual([]);
});

test("what ran before a boot was interrupted, until it runs again", () => {
  const memory = store({ pins: [], holds: [], running: ["a", "b"], bootId: "boot-1" });
  const keeper = createKeeper(memory, "boot-2");
  expect(keeper.recall(container("a", "exited"))).toEqual({ interrupted: true });
  expect(keeper.recall(container("c", "exited"))).toEqual({});
  keeper.learn(world("one"), desired(1), [container("a", "running")]);
  expect(keeper.recall(container("a", "exited"))).toEqual({});
  expect(keeper.recall(container("b", "exited"))).toEqual({ interrupted: true });
});

test("what ended while only the agent was away ended by itself", () => {
  const memory = store({ pins: [], holds: [], running: ["a"], bootId: "boot-1" });
  expect(createKeeper(memory, "boot-1").recall(container("a", "exited"))).toEqual({});
});

test("what an engine stopped on its way down was interrupted, what ended long before was not", () => {
  const keeper = createKeeper(store(), "boot-1");
  keeper.noteDeath("early", 0);
  keeper.noteDeath("late", 50_000);
  keeper.noteEngineLost(60_000);
  expect(keeper.recall(container("early", "exited"))).toEqual({});
  expect(keeper.recall(container("late", "exited"))).toEqual({ interrupted: true });
});

test("what a plan stopped is wanted again as soon as something wants it, also by the next agent", () => {
  const memory = store();
  const stop: Step = {
    op: "stop-container",
    id: "stop a",
    stackId: "stk_1",
    slot: "a",
    containerId: "a",
    cause: "old",
    dependsOn: [],
    lock: "container a",
  };
  const plan = { steps: [stop], problems: [], downtime: [], replacements: [] };
  const nothing = { steps: [], problems: [], downtime: [], replacements: [] };
  const startedAt = (at: number): ObservedContainer => ({
    ...container("a", "running"),
    detail: { createdAt: 1, startedAt: at, restartCount: 0, outOfMemory: false },
  });
  createKeeper(memory, "boot-1").notePlan(plan, [container("a", "running")], 100);

  const next = createKeeper(memory, "boot-1");
  next.notePlan(nothing, [startedAt(5)], 200);
  expect(next.recall(container("a", "exited"))).toEqual({ interrupted: true });
  next.notePlan(nothing, [startedAt(150)], 200);
  expect(next.recall(container("a", "exited"))).toEqual({});
});

test("what was started after a look was begun went down with the engine, too", () => {
  const keeper = createKeeper(store(), "boot-1");
  keeper.noteStarting("a");
  keeper.learn(world("x"), desired(1), [container("a", "created")]);
  keeper.noteEngineLost(1_000);
  expect(keeper.recall(container("a", "exited"))).toEqual({ interrupted: true });
  keeper.noteStarting("b");
  keeper.learn(world("x"), desired(1), [container("b", "exited")]);
  keeper.noteEngineLost(2_000);
  expect(keeper.recall(container("b", "exited"))).toEqual({});
});

test("a failed start is remembered for the place that it was to take, also by the next agent", () => {
  const memory = store();
  const keeper = createKeeper(memory, "boot-1");
  const entry = { stackId: "stk_1", revision: 2, attempt: "one", slot: "shop-web-1", previousId: "old" };
  const plan = { steps: [], problems: [], downtime: [], replacements: [entry] };
  keeper.notePlan(plan, [], 0);
  keeper.noteFailed("stk_1", "shop-db-1", "no");
  keeper.noteFailed("stk_1", "shop-web-1", "port taken");
  keeper.noteFailed("stk_1", "shop-web-1", "later");
  expect(createKeeper(memory, "boot-1").replacements).toEqual([{ ...entry, failure: "port taken" }]);
});
