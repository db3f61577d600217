import type { DesiredStack, HostPolicy } from "@windflow/core";
import { buildImages, startTestEngine, type TestEngine } from "@windflow/e2e/testbed";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import type { ObservationReport, OwnEvent } from "./options.ts";
import { startHarness, type Harness } from "./testing/harness.ts";
import { idleService, webStack } from "./testing/services.ts";

const PATIENCE = { timeout: 20_000 };
const REPORT: HostPolicy = { reportDrift: true, heal: {}, keepRevisions: 3 };

let machine: TestEngine;
let harness: Harness;
let events: OwnEvent[];

beforeAll(async () => {
  machine = await startTestEngine();
  await buildImages(machine.docker, ["busybox"]);
});
afterAll(async () => machine.stop());
beforeEach(() => {
  events = [];
  harness = startHarness(machine.socketPath, { onOwnEvent: (event) => void events.push(event) });
});
afterEach(async () => harness.clear());

function shop(over: Partial<DesiredStack> = {}): DesiredStack {
  const services = {
    web: idleService({ restart: "unless-stopped" }),
    db: idleService({ restart: "unless-stopped", volumes: [{ type: "volume", source: "data", target: "/data" }] }),
  };
  const stack = webStack("shop", 1, {}, { volumes: { data: { name: "shop_data" } }, services });
  return { ...stack, attempt: "rol_1", ...over };
}
const driftOf = (report: ObservationReport): string[] => (report.settlements[0]?.drift ?? []).map(({ id }) => id);
// An event tells of it within a second, and the net under the events within thirty: less than that shows that the event did.
const TOLD_WITHIN_MS = 15_000;
const drifted = (what: string): Promise<ObservationReport> =>
  harness.until(what, (report) => driftOf(report).length > 0, TOLD_WITHIN_MS);
// What hands changed is told by what was seen before.
const whole = (what: string): Promise<ObservationReport> =>
  harness.until(
    what,
    ({ settlements }) => settlements[0]?.converged === true && Object.keys(harness.memory()?.limits ?? {}).length === 2,
  );
const names = async (): Promise<string[]> =>
  (await machine.docker.listContainers({ all: true })).map((one) => one.Names[0]?.slice(1) ?? "").toSorted();
const memoryOf = async (name: string): Promise<number | undefined> =>
  (await machine.docker.getContainer(name).inspect()).HostConfig.Memory;

/** What hands do, and the steps that would put it right. */
const HANDS: readonly [string, () => Promise<unknown>, string][] = [
  [
    "docker rm -f",
    () => machine.docker.getContainer("shop-web-1").remove({ force: true }),
    "create-container shop-web-1",
  ],
  [
    "docker update --memory",
    () => machine.docker.getContainer("shop-web-1").update({ Memory: 64 * 1024 ** 2, MemorySwap: 128 * 1024 ** 2 }),
    "create-container shop-web-1",
  ],
  [
    "docker update --restart",
    () => machine.docker.getContainer("shop-web-1").update({ RestartPolicy: { Name: "no" } }),
    "set-restart-policy shop-web-1",
  ],
  [
    "docker rename",
    () => machine.docker.getContainer("shop-web-1").rename({ name: "elsewhere" }),
    "rename-container shop-web-1",
  ],
  [
    "docker network disconnect",
    () => machine.docker.getNetwork("shop_default").disconnect({ Container: "shop-web-1" }),
    "connect-network shop-web-1 shop_default",
  ],
  ["a container of the project that nobody asked for", () => runDouble(), "remove-container shop-web-2"],
];

async function runDouble(): Promise<void> {
  const { Config, Image } = await machine.docker.getContainer("shop-web-1").inspect();
  const Labels = { ...Config.Labels, "com.docker.compose.container-number": "2" };
  const made = await machine.docker.createContainer({ name: "shop-web-2", Image, Cmd: Config.Cmd, Labels });
  await made.start();
}

test.each(HANDS)("%s: put right within seconds, and told", async (_what, meddle, expected) => {
  await harness.deploy(shop());
  await whole("it has settled");
  await meddle();
  await expect.poll(() => events.length, PATIENCE).toBe(1);
  const [event] = events;
  expect(event).toMatchObject({ type: "drift.corrected", stackId: "stk_shop", attributes: { revision: "1" } });
  const steps = JSON.parse(event?.attributes["steps"] ?? "[]") as { op: string; target: string; cause: string }[];
  expect(steps.map(({ op }) => op)).toContain(expected.split(" ")[0]);
  expect(steps.every(({ cause }) => cause !== "")).toBe(true);
  await whole("it is whole again");
  expect(await names()).toEqual(["shop-db-1", "shop-web-1"]);
  expect(await memoryOf("shop-web-1")).toBe(0);
});

test.each(HANDS)("%s under report: told and left alone until somebody asks", async (_what, meddle, expected) => {
  await harness.deploy(shop({ policy: REPORT }));
  await whole("it has settled");
  await meddle();
  const report = await drifted("it is told");
  expect(driftOf(report).some((id) => id.startsWith(expected))).toBe(true);
  expect(report.settlements[0]).toMatchObject({ converged: false, driftSince: expect.any(Number) });
  const before = await names();
  harness.reconciler.wake("test");
  await new Promise((resolve) => setTimeout(resolve, 1_500));
  expect(await names()).toEqual(before);
  expect(events).toEqual([]);
  harness.desire(shop({ policy: REPORT, correct: "order-1" }));
  await whole("it is put right");
  // A container that was made anew has to prove itself first.
  await expect
    .poll(() => events.map(({ type, attributes }) => [type, attributes["correct"]]), PATIENCE)
    .toEqual([["drift.corrected", "order-1"]]);
  await expect.poll(names, PATIENCE).toEqual(["shop-db-1", "shop-web-1"]);
  // The order counts once.
  await machine.docker.getContainer("shop-db-1").remove({ force: true });
  await drifted("it is told again");
});

test("a container that ended by itself is started under report, and is no drift", async () => {
  await harness.deploy(shop({ policy: REPORT }));
  await whole("it has settled");
  const before = harness.idOf("shop-web-1");
  await machine.docker.getContainer("shop-web-1").stop();
  await harness.until("it runs", (report) => {
    expect(driftOf(report)).toEqual([]);
    const web = report.world?.containers.find(({ name }) => name === "shop-web-1");
    return web?.state === "running" && report.settlements[0]?.converged === true;
  });
  expect(harness.idOf("shop-web-1")).toBe(before);
});

test("another revision, or another attempt, is asked for and is no drift", async () => {
  await harness.deploy(shop({ policy: REPORT }));
  await whole("it has settled");
  await harness.deploy(shop({ policy: REPORT, attempt: "rol_2" }));
  await machine.docker.getContainer("shop-web-1").remove({ force: true });
  await drifted("it is told");
  await harness.deploy(shop({ policy: REPORT, attempt: "rol_3" }));
  expect(await names()).toEqual(["shop-db-1", "shop-web-1"]);
  expect(events).toEqual([]);
});

test("what the agent had converged on is known to the next agent, and a removal meanwhile is drift", async () => {
  await harness.deploy(shop({ policy: REPORT }));
  await whole("it has settled");
  await harness.stop();
  const memory = harness.memory();
  await machine.docker.getContainer("shop-web-1").remove({ force: true });
  harness = startHarness(machine.socketPath, memory ? { initialMemory: memory } : {});
  harness.desire(shop({ policy: REPORT }));
  expect(driftOf(await drifted("it is told"))).toContain("create-container shop-web-1");
});
