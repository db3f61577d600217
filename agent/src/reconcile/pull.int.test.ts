import type { ComposeService, DesiredStack } from "@windflow/core";
import {
  buildImages,
  startRegistry,
  startTestEngine,
  type ImageName,
  type TestEngine,
  type TestRegistry,
} from "@windflow/e2e/testbed";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import type { ReconcileMemory } from "./options.ts";
import { startHarness, type Harness } from "./testing/harness.ts";
import { webStack } from "./testing/services.ts";

let machine: TestEngine;
let registry: TestRegistry;
let harness: Harness;
let auth: { username: string; password: string };

beforeAll(async () => {
  machine = await startTestEngine();
  registry = await startRegistry(machine.machine, { credentials: true });
});
afterAll(async () => machine.stop());
beforeEach(async () => {
  auth = { username: registry.username, password: registry.password };
  await publish("busybox");
  harness = start();
});
afterEach(async () => {
  await harness.clear();
  await forgetImages();
});

function start(initialMemory?: ReconcileMemory): Harness {
  return startHarness(machine.socketPath, {
    registryAuth: async () => ({ ...auth, serverAddress: registry.address }),
    ...(initialMemory === undefined ? {} : { initialMemory }),
  });
}

/** Puts the image into the registry as app:1 and leaves nothing of it on the engine. */
async function publish(name: ImageName): Promise<void> {
  const built = (await buildImages(machine.docker, [name]))[name];
  await machine.docker.getImage(built).tag({ repo: `${registry.address}/app`, tag: "1" });
  const authconfig = { username: registry.username, password: registry.password, serveraddress: registry.address };
  const stream = await machine.docker.getImage(`${registry.address}/app:1`).push({ authconfig });
  await new Promise((resolve) => machine.docker.modem.followProgress(stream, resolve));
  await machine.docker.getImage(`${registry.address}/app:1`).remove();
  await machine.docker.getImage(built).remove();
}

async function forgetImages(): Promise<void> {
  for (const { Id } of await machine.docker.listImages()) await machine.docker.getImage(Id).remove({ force: true });
}

function app(revision: number, extra: Partial<ComposeService> = {}): DesiredStack {
  return webStack("shop", revision, { image: `${registry.address}/app:1`, ...extra });
}

test("an image is pulled with the registry's credentials, pinned, and the moved tag changes nothing", async () => {
  const first = await harness.deploy(app(1));
  const imageId = first.world?.containers[0]?.imageId;
  expect(harness.memory()?.pins).toMatchObject([
    { stackId: "stk_shop", revision: 1, reference: `${registry.address}/app:1`, image: { ids: [imageId] } },
  ]);
  expect(harness.memory()?.pins[0]?.image.pullFrom).toMatch(/\/app@sha256:/);

  await publish("redis");
  await machine.docker.getContainer("shop-web-1").remove({ force: true });
  await harness.until(
    "it is back",
    (report) =>
      report.world?.containers[0]?.state === "running" &&
      report.world.containers[0].id !== first.world?.containers[0]?.id,
  );
  expect(harness.reconciler.observed()?.containers[0]?.imageId).toBe(imageId);
});

test("an image that was pruned is pulled again by its digest, though the tag has moved", async () => {
  const first = await harness.deploy(app(1));
  const imageId = first.world?.containers[0]?.imageId;
  await harness.stop();
  await machine.docker.getContainer("shop-web-1").remove({ force: true });
  await forgetImages();
  await publish("redis");

  harness = start(harness.memory());
  const again = await harness.deploy(app(1));
  expect(again.world?.containers[0]?.imageId).toBe(imageId);
  expect(harness.progress.filter(({ op, phase }) => op === "pull-image" && phase === "done")).toHaveLength(1);
});

test("wrong credentials fail the service with the registry's words", async () => {
  auth = { username: registry.username, password: "wrong" };
  harness.desire(app(1));
  const report = await harness.until("it failed", (told) => told.stacks[0]?.state === "failed");
  expect(report.stacks[0]?.cause).toMatch(/unauthorized|authentication|basic auth/i);
});
