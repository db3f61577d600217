import { buildImages, startTestEngine, type TestEngine } from "@windflow/e2e/testbed";
import type { ComposeModel, ComposeService, DesiredStack } from "@windflow/core";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { stackOf, startHarness, type Harness } from "./testing/harness.ts";
import { PROBE, idleService } from "./testing/services.ts";

// The net under the events looks every half minute; how fast an event is, the benches measure.
const NET_MS = 30_000;

let machine: TestEngine;
let harness: Harness;

beforeAll(async () => {
  machine = await startTestEngine();
  await buildImages(machine.docker, ["busybox"]);
});
afterAll(async () => machine.stop());
afterEach(async () => harness.clear());

function service(extra: Partial<ComposeService>): ComposeService {
  return idleService({ restart: "unless-stopped", ...extra });
}

function shop(revision: number, apiGreeting = "hello"): DesiredStack {
  return stackOf("shop", revision, {
    networks: { default: { name: "shop_default", ipam: {} } },
    volumes: { data: { name: "shop_data" } },
    services: {
      db: service({
        volumes: [{ type: "volume", source: "data", target: "/data", volume: {} }],
        healthcheck: PROBE,
      }),
      api: service({
        environment: { GREETING: apiGreeting },
        depends_on: { db: { condition: "service_healthy", required: true } },
        healthcheck: PROBE,
      }),
      web: service({ depends_on: { api: { condition: "service_healthy", required: true } } }),
    },
  } satisfies Omit<ComposeModel, "name">);
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
  const before = { db: harness.idOf("shop-db-1"), api: harness.idOf("shop-api-1"), web: harness.idOf("shop-web-1") };
  const { text } = await harness.reconciler.planFor(shop(2, "bonjour"));
  expect(text).toContain("changed: environment");
  await harness.deploy(shop(2, "bonjour"));
  expect(harness.idOf("shop-db-1")).toBe(before.db);
  expect(harness.idOf("shop-web-1")).toBe(before.web);
  expect(harness.idOf("shop-api-1")).not.toBe(before.api);
});

test("a container that was removed by hand is back as soon as its event tells it", async () => {
  harness = startHarness(machine.socketPath);
  await harness.deploy(shop(1));
  const before = harness.idOf("shop-web-1");
  await machine.docker.getContainer("shop-web-1").remove({ force: true });
  const removedAt = Date.now();
  await harness.until("web is back", (report) => {
    const web = report.world?.containers.find((container) => container.name === "shop-web-1");
    return web !== undefined && web.id !== before && web.state === "running";
  });
  expect(Date.now() - removedAt).toBeLessThan(NET_MS);
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
