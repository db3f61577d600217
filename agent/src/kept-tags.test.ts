import type { DesiredStack, ObservedWorld } from "@windflow/core";
import { expect, test, vi } from "vitest";
import { createKeptTags } from "./kept-tags.ts";
import { systemClock } from "./platform/clock.ts";
import { EngineError } from "./reconcile/engine.ts";

const ID = `sha256:${"a".repeat(64)}`;
const kept: DesiredStack = {
  stackId: "stk_1",
  stackName: "shop",
  project: "shop",
  revision: 2,
  bodyDigest: "b",
  model: { name: "shop", services: { web: { image: "app:1", command: null, entrypoint: null } } },
  files: {},
  images: {},
};
const world = {
  observedAt: 0,
  engine: {},
  containers: [],
  networks: [],
  volumes: [],
  images: [{ id: ID, tags: ["app:1"], digests: [], sizeBytes: 1 }],
} as unknown as ObservedWorld;

async function namesSet(...errors: (EngineError | undefined)[]): Promise<number> {
  let asked = 0;
  const tags = createKeptTags({
    engine: {
      tagImage: async () => {
        const error = errors[asked++];
        if (error !== undefined) throw error;
      },
      untagImage: async () => undefined,
    },
    clock: systemClock,
    log: () => undefined,
    pins: () => [],
  });
  tags.follow(world, [kept]);
  await vi.waitFor(() => expect(asked).toBe(1));
  await new Promise(setImmediate);
  tags.follow(world, [kept]);
  await new Promise((resolve) => setTimeout(resolve, 50));
  await tags.stop();
  return asked;
}

test("an engine that was away when a kept image was to be named is asked again; one that refused is not", async () => {
  expect(await namesSet(new EngineError("socket hang up", undefined), undefined)).toBe(2);
  expect(await namesSet(new EngineError("read-only", 500), undefined)).toBe(1);
});
