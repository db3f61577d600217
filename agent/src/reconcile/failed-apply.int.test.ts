import { COMPOSE_LABEL, type ComposeService, type DesiredStack, type ObservedContainer } from "@windflow/core";
import { buildImages, startTestEngine, type TestEngine } from "@windflow/e2e/testbed";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from "vitest";
import { createDockerEngine } from "../engines/docker/index.ts";
import type { ObservationReport } from "./options.ts";
import { EngineError } from "./engine.ts";
import { startHarness, type Harness } from "./testing/harness.ts";
import { IDLE, webStack } from "./testing/services.ts";

let machine: TestEngine;
let harness: Harness;

beforeAll(async () => {
  machine = await startTestEngine();
  await buildImages(machine.docker, ["busybox"]);
});
afterAll(async () => machine.stop());
beforeEach(() => {
  harness = startHarness(machine.socketPath);
});
afterEach(async () => harness.clear());

function stack(name: string, revision: number, web: Partial<ComposeService>, attempt = "one"): DesiredStack {
  return { ...webStack(name, revision, { environment: { REVISION: String(revision) }, ...web }), attempt };
}

function wentBack(name: string): (report: ObservationReport) => boolean {
  return (report) => {
    const settlement = report.settlements.find(({ stackId }) => stackId === `stk_${name}`);
    const own = report.world?.containers.filter((container) => container.name.includes(name)) ?? [];
    return settlement?.failedAttempt !== undefined && own.length === 1 && own[0]?.state === "running";
  };
}

function problemOf(report: ObservationReport, name: string): string {
  return report.settlements.find(({ stackId }) => stackId === `stk_${name}`)?.problems[0]?.message ?? "";
}

test.each([
  [
    "ends at once",
    { ports: [{ target: 80, published: "18101" }] },
    { command: ["sh", "-c", "exit 7"] },
    "it ended with exit code 7",
  ],
  [
    "cannot be started",
    { ports: [{ target: 80, published: "18102" }] },
    { command: ["/no/such/program"] },
    /^revision 2 failed: .*no such file or directory.*; the previous container \(revision 1\) runs again$/,
  ],
  [
    "becomes unhealthy, without a gap",
    {},
    { healthcheck: { test: ["CMD", "sh", "-c", "echo no heart; false"], interval: "1s", retries: 1 } },
    "its healthcheck fails: no heart",
  ],
  [
    "has a hook that fails",
    {},
    { post_start: [{ command: ["sh", "-c", "exit 9"] }] },
    "the post_start hook 1 ended with exit code 9",
  ],
])("a new container that %s goes, and the one before it runs again", async (_name, both, broken, why) => {
  await harness.deploy(stack("shop", 1, both));
  const [before] = harness.reconciler.observed()?.containers ?? [];
  harness.desire(stack("shop", 2, { ...both, ...broken }));
  const report = await harness.until("it went back", wentBack("shop"));
  expect(report.world?.containers.find(({ state }) => state === "running")).toMatchObject({
    id: before?.id,
    name: "shop-web-1",
  });
  const sentence =
    typeof why === "string" ? `revision 2 failed: ${why}; the previous container (revision 1) runs again` : why;
  expect(problemOf(report, "shop")).toMatch(sentence);
  expect(report.stacks[0]?.services[0]?.cause).toMatch(sentence);
  expect(report).toMatchObject({ settlements: [{ converged: false, failedAttempt: "one" }] });
  expect(report.appliedGeneration).toBeUndefined();
  // The next agent knows that it was tried.
  const tries = harness.progress.filter(({ op }) => op === "create-container").length;
  const memory = harness.memory();
  await harness.stop();
  harness = startHarness(machine.socketPath, memory ? { initialMemory: memory } : {});
  harness.desire(stack("shop", 2, { ...both, ...broken }));
  await harness.until("it is looked at", wentBack("shop"));
  expect(harness.progress.filter(({ op }) => op === "create-container")).toEqual([]);
  expect(tries).toBeGreaterThan(0);
  await harness.deploy(stack("shop", 2, both, "two"));
});

test("a port that somebody else has brings the old port back", async () => {
  await harness.deploy(stack("first", 1, { ports: [{ target: 80, published: "18103" }] }));
  const first = stack("first", 1, { ports: [{ target: 80, published: "18103" }] });
  await harness.deploy(first, stack("shop", 1, { ports: [{ target: 80, published: "18104" }] }));
  harness.desire(first, stack("shop", 2, { ports: [{ target: 80, published: "18103" }] }));
  const report = await harness.until("it went back", wentBack("shop"));
  expect(problemOf(report, "shop")).toMatch(
    /^revision 2 failed: .*18103.*; the previous container \(revision 1\) runs again$/,
  );
  expect(report.world?.containers.find(({ name }) => name === "shop-web-1")?.ports[0]).toMatchObject({
    hostPort: 18104,
  });
});

test("what comes back has the files and secrets that it was made with", async () => {
  const withFile = (revision: number, content: string, command: string[]): DesiredStack => {
    const wanted = stack("shop", revision, {
      command,
      configs: [{ source: "app", target: "/app.conf" }],
      ports: [{ target: 80, published: "18105" }],
    });
    return { ...wanted, model: { ...wanted.model, configs: { app: { content } } } };
  };
  await harness.deploy(withFile(1, "one\n", ["sh", "-c", `cat /app.conf; ${IDLE[2]}`]));
  harness.desire(withFile(2, "two\n", ["sh", "-c", "exit 7"]));
  await harness.until("it went back", wentBack("shop"));
  await vi.waitFor(async () => {
    const logs = await machine.docker.getContainer("shop-web-1").logs({ stdout: true, stderr: true });
    expect(logs.toString().replaceAll(/[^a-z]/g, "")).toBe("oneone");
  }, 5_000);
});

test("with an engine that never shows what it was asked for, containers are not made for ever and do not pile up", async () => {
  await harness.stop();
  const engine = createDockerEngine({ socketPath: machine.socketPath });
  let lies = true;
  const lying = {
    ...engine,
    listContainers: async (): Promise<ObservedContainer[]> =>
      (await engine.listContainers()).map((container) =>
        lies ? { ...container, labels: { ...container.labels, [COMPOSE_LABEL.configHash]: "another" } } : container,
      ),
  };
  harness = startHarness(machine.socketPath, { engine: lying });
  harness.desire(stack("shop", 1, {}));
  const report = await harness.until("it is given up", (told) => problemOf(told, "shop") !== "");
  expect(problemOf(report, "shop")).toBe(
    "it differs from what was asked right after it was made, 3 times: its configuration changed",
  );
  expect(harness.progress.filter(({ op, phase }) => op === "create-container" && phase === "done")).toHaveLength(3);
  expect(report.world?.containers.filter(({ state }) => state === "running").length).toBeLessThanOrEqual(2);
  lies = false;
});

test.each([
  ["is gone", undefined],
  // The moment between the two cannot be met by waiting for it; the words are Docker's own.
  ["is being removed", new EngineError("container is marked for removal and cannot be started", 409)],
])(
  "a new container that %s when it is to be started is made again, and its revision has not failed",
  async (_when, said) => {
    await harness.deploy(stack("shop", 1, {}));
    await harness.stop();
    const engine = createDockerEngine({ socketPath: machine.socketPath });
    let removed = 0;
    const memory = harness.memory();
    harness = startHarness(machine.socketPath, {
      ...(memory ? { initialMemory: memory } : {}),
      engine: {
        ...engine,
        async startContainer(id) {
          if (removed++ === 0) {
            await machine.docker.getContainer(id).remove({ force: true });
            if (said !== undefined) throw said;
          }
          await engine.startContainer(id);
        },
      },
    });
    harness.desire(stack("shop", 2, {}));
    const report = await harness.until("the new one runs alone", ({ world }) => {
      const [only, ...more] = world?.containers ?? [];
      return only?.state === "running" && only.labels["dev.windflow.revision"] === "2" && more.length === 0;
    });
    expect(removed).toBeGreaterThan(1);
    expect(report.settlements[0]?.failedAttempt).toBeUndefined();
  },
);
