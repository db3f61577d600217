import { buildImages, startTestEngine, type TestEngine } from "@windflow/e2e/testbed";
import type { ComposeModel, ComposeService, DesiredStack } from "@windflow/core";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { stackOf, startHarness, type Harness } from "./testing/harness.ts";

let machine: TestEngine;
let harness: Harness;

beforeAll(async () => {
  machine = await startTestEngine();
  await buildImages(machine.docker, ["busybox"]);
});
afterAll(async () => machine.stop());
afterEach(async () => {
  await clear();
});

async function clear(): Promise<void> {
  harness.desire();
  await harness.until(
    "all gone",
    (report) => report.world?.containers.length === 0 && report.appliedGeneration !== undefined,
  );
  await harness.stop();
}

const IDLE = ["sh", "-c", "trap 'exit 0' TERM; while :; do sleep 3600 & wait $!; done"];

function service(extra: Partial<ComposeService>): ComposeService {
  return {
    image: "wf/busybox:1",
    command: IDLE,
    entrypoint: null,
    networks: { default: null },
    restart: "unless-stopped",
    ...extra,
  };
}

function shop(revision: number, apiGreeting = "hello"): DesiredStack {
  return stackOf("shop", revision, {
    networks: { default: { name: "shop_default", ipam: {} } },
    volumes: { data: { name: "shop_data" } },
    services: {
      db: service({
        volumes: [{ type: "volume", source: "data", target: "/data", volume: {} }],
        healthcheck: { test: ["CMD", "true"], interval: "1s", timeout: "3s", retries: 3 },
      }),
      api: service({
        environment: { GREETING: apiGreeting },
        depends_on: { db: { condition: "service_healthy", required: true } },
        healthcheck: { test: ["CMD", "true"], interval: "1s", timeout: "3s", retries: 3 },
      }),
      web: service({ depends_on: { api: { condition: "service_healthy", required: true } } }),
    },
  } satisfies Omit<ComposeModel, "name">);
}

function idOf(name: string): string | undefined {
  return harness.reconciler.observed()?.containers.find((container) => container.name === name)?.id;
}

test("a stack with a chain of health conditions comes up in order, and a second look finds nothing to do", async () => {
  harness = startHarness(machine.socketPath);
  await harness.deploy(shop(1));
  const starts = harness.progress.filter(({ op, phase }) => op === "start-container" && phase === "done");
  expect(starts.map(({ service: name }) => name)).toEqual(["db", "api", "web"]);
  expect(harness.last()?.stacks[0]?.services.map(({ state }) => state)).toEqual(["running", "running", "running"]);
  const { text } = await harness.reconciler.planFor(shop(1));
  expect(text).toBe("nothing to do");
});

test("a change of one service replaces that one alone", async () => {
  harness = startHarness(machine.socketPath);
  await harness.deploy(shop(1));
  const before = { db: idOf("shop-db-1"), api: idOf("shop-api-1"), web: idOf("shop-web-1") };
  const { text } = await harness.reconciler.planFor(shop(2, "bonjour"));
  expect(text).toContain("changed: environment");
  await harness.deploy(shop(2, "bonjour"));
  expect(idOf("shop-db-1")).toBe(before.db);
  expect(idOf("shop-web-1")).toBe(before.web);
  expect(idOf("shop-api-1")).not.toBe(before.api);
});

test("a container that was removed by hand is back within three seconds", async () => {
  harness = startHarness(machine.socketPath);
  await harness.deploy(shop(1));
  const before = idOf("shop-web-1");
  await machine.docker.getContainer("shop-web-1").remove({ force: true });
  const removedAt = Date.now();
  await harness.until("web is back", (report) => {
    const web = report.world?.containers.find((container) => container.name === "shop-web-1");
    return web !== undefined && web.id !== before && web.state === "running";
  });
  expect(Date.now() - removedAt).toBeLessThan(3_000);
});

test("a stack that is no longer wanted goes, with its networks and without its volumes", async () => {
  harness = startHarness(machine.socketPath);
  await harness.deploy(shop(1));
  harness.desire();
  const leaving = await harness.until("its removal is told", (report) => report.settlements[0]?.converged === false);
  expect(leaving.appliedGeneration).toBeUndefined();
  expect(leaving.stacks).toMatchObject([{ stackId: "stk_shop", revision: 1, state: "pending", services: [] }]);
  const gone = await harness.until("it is gone", (report) => report.appliedGeneration !== undefined);
  expect(gone.stacks).toEqual([]);
  const world = harness.reconciler.observed();
  expect(world?.containers).toEqual([]);
  expect(world?.networks.map(({ name }) => name)).not.toContain("shop_default");
  expect(world?.volumes.map(({ name }) => name)).toContain("shop_data");
});
