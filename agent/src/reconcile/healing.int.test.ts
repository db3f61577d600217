import type { ComposeService, DesiredStack, HealRule } from "@windflow/core";
import { buildImages, startTestEngine, type TestEngine } from "@windflow/e2e/testbed";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import type { ObservationReport, OwnEvent } from "./options.ts";
import { startHarness, type Harness } from "./testing/harness.ts";
import { webStack } from "./testing/services.ts";

const RULE: HealRule = {
  action: "restart",
  whenUnhealthy: true,
  budget: 3,
  budgetMs: 600_000,
  backoffMs: 200,
  backoffLimitMs: 1_000,
};
const PATIENCE = { timeout: 20_000 };

let machine: TestEngine;
let harness: Harness;
let events: OwnEvent[];

beforeAll(async () => {
  machine = await startTestEngine();
  await buildImages(machine.docker, ["busybox"]);
});
afterAll(async () => machine.stop());
beforeEach(() => begin());
afterEach(async () => harness.clear());

function begin(memory = harness?.memory()): void {
  events = [];
  harness = startHarness(machine.socketPath, {
    onOwnEvent: (event) => void events.push(event),
    ...(memory ? { initialMemory: memory } : {}),
  });
}
function shop(
  web: Partial<ComposeService>,
  rule: Partial<HealRule> = {},
  over: Partial<DesiredStack> = {},
): DesiredStack {
  const policy = { reportDrift: true, heal: { "*": { ...RULE, ...rule } }, keepRevisions: 3 };
  return { ...webStack("shop", 1, { restart: "always", ...web }), attempt: "rol_1", policy, ...over };
}
const web = (
  report: ObservationReport | undefined,
): ObservationReport["stacks"][number]["services"][number] | undefined => report?.stacks[0]?.services[0];
const told = (): string[] => events.map(({ type }) => type);
const starts = (): number =>
  harness.progress.filter(
    ({ op, phase }) => phase === "done" && (op === "start-container" || op === "restart-container"),
  ).length;
const CRASH: Partial<ComposeService> = { command: ["sh", "-c", "echo about to fail; exit 3"] };
// As an application whose disk is gone: it runs, and its healthcheck says that it does not work.
const SICK: Partial<ComposeService> = {
  healthcheck: { test: ["CMD", "false"], interval: "1s", timeout: "1s", retries: 1 },
};

test("a crash loop is mended with a back-off until its budget is spent, and named as such; the engine does not fight it", async () => {
  harness.desire(shop(CRASH));
  await harness.until("it is given up", (report) => web(report)?.cause.includes("given up") === true);
  expect(web(harness.last())).toMatchObject({
    state: "crash-looping",
    cause: expect.stringMatching(/^it ended with exit code 3; given up after 3 attempts within 600 s/),
    evidence: [expect.stringContaining("shop-web-1: Exited (3)")],
  });
  expect(told()).toEqual(["heal.restarted", "heal.restarted", "heal.restarted", "heal.given-up"]);
  expect(events.at(-1)).toMatchObject({
    severity: "error",
    service: "web",
    attributes: { exitCode: "3", budget: "3" },
  });
  // The first start, and three attempts; the engine, which was asked to restart it always, made none.
  expect(starts()).toBe(4);
  await new Promise((resolve) => setTimeout(resolve, 2_000));
  const { State, RestartCount } = await machine.docker.getContainer("shop-web-1").inspect();
  expect([State.Status, RestartCount]).toEqual(["exited", 0]);
  expect(starts()).toBe(4);
  expect(harness.last()?.settlements[0]).toMatchObject({ restarts: 3 });
});

test("while it waits, the time of the next attempt is told; an agent that is killed meanwhile gives no new budget", async () => {
  harness.desire(shop(CRASH, { backoffMs: 3_000, backoffLimitMs: 3_000, budget: 1 }));
  const waiting = await harness.until("it waits", (report) => web(report)?.nextAttemptAt !== undefined);
  expect((web(waiting)?.nextAttemptAt ?? 0) - Date.now()).toBeLessThanOrEqual(3_000);
  await harness.until("it was tried", () => told().length === 1);
  // As SIGKILL does it: nothing is told or written any more, and what was written stands.
  await harness.stop();
  begin();
  harness.desire(shop(CRASH, { backoffMs: 100, budget: 1 }));
  await harness.until("it is given up", (report) => web(report)?.cause.includes("given up") === true);
  expect(told().filter((type) => type !== "heal.given-up")).toEqual([]);
});

test("an unhealthy container is restarted, or made anew, as its rule says", async () => {
  harness.desire(shop(SICK, { budget: 1 }));
  await harness.until("given up", (report) => web(report)?.cause.includes("given up") === true, 60_000);
  expect(told()).toEqual(["heal.restarted", "heal.given-up"]);
  expect(web(harness.last())?.state).toBe("unhealthy");
  const before = harness.idOf("shop-web-1");
  harness.desire(shop(SICK, { budget: 1, action: "recreate" }, { attempt: "rol_2" }));
  await harness.until(
    "given up again",
    (report) => told().length === 4 && web(report)?.cause.includes("given up") === true,
    30_000,
  );
  expect(told().slice(2)).toEqual(["heal.recreated", "heal.given-up"]);
  expect(harness.idOf("shop-web-1")).not.toBe(before);
  expect(harness.last()?.settlements[0]).toMatchObject({ drift: [], converged: true });
});

test("an alert is told once, and nothing is done; somebody's start ends it", async () => {
  harness.desire(shop(CRASH, { action: "alert" }));
  await harness.until("it failed", (report) => web(report)?.state === "failed");
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  expect(told()).toEqual(["heal.alerted"]);
  expect(starts()).toBe(1);
  await harness.reconciler.startContainer("shop-web-1");
  await expect.poll(told, PATIENCE).toEqual(["heal.alerted", "heal.alerted"]);
});

test("a rule that comes takes the restarts from the engine, and one that goes gives them back, with the container running on", async () => {
  const policyOf = async (): Promise<string | undefined> =>
    (await machine.docker.getContainer("shop-web-1").inspect()).HostConfig.RestartPolicy?.Name;
  const { policy: _policy, ...plain } = shop({});
  await harness.deploy(plain);
  const before = harness.idOf("shop-web-1");
  expect(await policyOf()).toBe("always");
  harness.desire(shop({}));
  await expect.poll(policyOf, PATIENCE).toBe("no");
  harness.desire(plain);
  await expect.poll(policyOf, PATIENCE).toBe("always");
  expect(harness.idOf("shop-web-1")).toBe(before);
  expect(events).toEqual([]);
});

test("what the engine or a power cut took down is started again without an attempt being counted", async () => {
  await harness.deploy(shop({}, { budget: 1 }));
  await machine.crash();
  await harness.until("the engine is away", (report) => report.engineError !== undefined);
  await machine.restart();
  await harness.until("it runs again", (report) => web(report)?.state === "running");
  expect(events).toEqual([]);
  await machine.docker.getContainer("shop-web-1").kill();
  await expect.poll(told, PATIENCE).toEqual(["heal.restarted"]);
  await harness.until("it runs again", (report) => report.world?.containers[0]?.state === "running");
});

test("a revision that crashes in the place of one that ran is taken back, with a rule too", async () => {
  await harness.deploy(shop({}));
  harness.desire(shop(CRASH, {}, { revision: 2, attempt: "rol_2" }));
  const report = await harness.until(
    "it was taken back",
    ({ settlements }) => settlements[0]?.failedAttempt === "rol_2",
  );
  expect(report.settlements[0]?.problems[0]?.message).toContain("revision 2 failed");
  await harness.until("the previous one runs", (last) => web(last)?.state === "running");
});
