import type { DesiredWorld, ObservedContainer, ObservedWorld } from "@windflow/core";
import { expect, test } from "vitest";
import { createHandChanges } from "./hand-changes.ts";
import type { ReconcileMemory } from "./options.ts";

const model = { name: "shop", services: { web: { image: "app:1", command: null, entrypoint: null } } };
const stack = { stackId: "stk_1", stackName: "shop", project: "shop", revision: 1, bodyDigest: "b" };
const desired: DesiredWorld = {
  organizationId: "org_1",
  generation: "1.1",
  stacks: [{ ...stack, model, files: {}, images: {} }],
};

function world(version: string, limits: readonly string[]): ObservedWorld {
  const labels = { "dev.windflow.organization": "org_1", "dev.windflow.stack": "stk_1" };
  const detail = { createdAt: 0, restartCount: 0, outOfMemory: false, limits };
  const container = { id: "c1", name: "shop-web-1", labels, state: "running", detail } as unknown as ObservedContainer;
  const engine = { name: "Docker Engine", version } as ObservedWorld["engine"];
  return { observedAt: 0, engine, containers: [container], networks: [], volumes: [], images: [] };
}

test("limits that another version of the engine words otherwise were changed by nobody", () => {
  const memory = {
    remembered: { pins: [], holds: [], running: [], bootId: "b" } as ReconcileMemory,
    keep(next: Partial<ReconcileMemory>): void {
      this.remembered = { ...this.remembered, ...next };
    },
  };
  const seen = (...args: Parameters<typeof world>): readonly string[] | undefined =>
    createHandChanges(memory).attach(world(...args), desired).containers[0]?.altered;
  expect(seen("28.5.2", ["Memory=64"])).toBeUndefined();
  expect(seen("28.5.2", ["Memory=32"])).toEqual(["Memory"]);
  expect(seen("28.5.2", ["Memory=64"])).toBeUndefined();
  expect(seen("29.0.0", ["Memory=64", "PidsLimit=2048"])).toBeUndefined();
  expect(seen("29.0.0", ["Memory=32", "PidsLimit=2048"])).toEqual(["Memory"]);
});
