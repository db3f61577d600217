import { execFile } from "node:child_process";
import { promisify } from "node:util";
import type { ComposeService, DesiredStack } from "@windflow/core";
import { buildImages, startTestEngine, type TestEngine } from "@windflow/e2e/testbed";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import type { ObservationReport } from "./options.ts";
import { startHarness, type Harness } from "./testing/harness.ts";
import { webStack } from "./testing/services.ts";

const run = promisify(execFile);

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

function single(name: string, web: Partial<ComposeService>, revision = 1): DesiredStack {
  return webStack(name, revision, web);
}

function serviceState(report: ObservationReport, name: string): string | undefined {
  return report.stacks.find((stack) => stack.stackId === `stk_${name}`)?.services[0]?.state;
}

test.each(["no", "unless-stopped", "on-failure"])(
  "restart %s: what ran when the engine crashed runs again",
  async (restart) => {
    await harness.deploy(single("shop", { restart }));
    await machine.crash();
    const away = await harness.until("the engine is away", (report) => report.engineError !== undefined);
    expect(away.stacks[0]).toMatchObject({ state: "unknown" });
    expect(away.stacks[0]?.cause).toContain("the engine cannot be reached");
    await machine.restart();
    await harness.until("it runs again", (report) => serviceState(report, "shop") === "running");
  },
);

test("what ran when the engine was shut down in order runs again", async () => {
  await harness.deploy(single("shop", {}));
  await machine.shutDown();
  await harness.until("the engine is away", (report) => report.engineError !== undefined);
  await machine.restart();
  const back = await harness.until("it runs again", (report) => serviceState(report, "shop") === "running");
  expect(back.engineError).toBeUndefined();
});

test("a container that an operator stopped stays stopped until it is started again", async () => {
  await harness.deploy(single("shop", { restart: "always" }));
  await harness.reconciler.stopContainer("shop-web-1");
  await harness.until("it is stopped", (report) => serviceState(report, "shop") === "stopped");
  expect(harness.memory()?.holds).toEqual([{ stackId: "stk_shop", revision: 1, service: "web", number: 1 }]);
  expect((await harness.reconciler.planFor(single("shop", { restart: "always" }))).text).toBe("nothing to do");
  await harness.reconciler.startContainer("shop-web-1");
  await harness.until("it runs", (report) => serviceState(report, "shop") === "running");
});

test("a container that was stopped by hand is started again", async () => {
  await harness.deploy(single("shop", { restart: "unless-stopped" }));
  await machine.docker.getContainer("shop-web-1").stop();
  const report = await harness.until("it runs", (told) => told.world?.containers[0]?.state === "running");
  expect(harness.progress.at(-1)).toMatchObject({ op: "start-container", phase: "done" });
  expect(report.settlements[0]?.failing).toEqual([]);
});

test("a port that is taken fails the service with the engine's reason, and nothing else", async () => {
  const ports = [{ target: 80, published: "18090" }];
  await harness.deploy(single("first", { ports }));
  harness.desire(single("first", { ports }), single("second", { ports }));
  const report = await harness.until("it failed", (told) => serviceState(told, "second") === "failed");
  expect(serviceState(report, "first")).toBe("running");
  expect(report.settlements.find(({ stackId }) => stackId === "stk_second")?.failing[0]?.reason).toMatch(
    /18090.*allocated|address already in use/,
  );
  expect(report.appliedGeneration).toBeUndefined();
  await harness.deploy(single("second", { ports }));
});

test("an image that cannot be pulled fails the service, and what ran before goes on running", async () => {
  await harness.deploy(single("shop", { ports: [{ target: 80, published: "18091" }] }));
  const before = harness.reconciler.observed()?.containers[0]?.id;
  harness.desire(single("shop", { image: "127.0.0.1:1/none:1", ports: [{ target: 80, published: "18091" }] }, 2));
  const report = await harness.until("the pull failed", (told) => (told.settlements[0]?.failing.length ?? 0) > 0);
  expect(report.settlements[0]).toMatchObject({ converged: false, failing: [{ op: "pull-image" }] });
  expect(report.world?.containers.map(({ id, state }) => [id, state])).toEqual([[before, "running"]]);
});

test("a service that shares nothing is replaced without a gap", async () => {
  await harness.deploy(single("shop", {}));
  const before = harness.reconciler.observed()?.containers[0]?.id;
  const gaps: ObservationReport[] = [];
  harness.desire(single("shop", { environment: { A: "1" } }, 2));
  await harness.until("the new one has taken over", (report) => {
    const containers = report.world?.containers ?? [];
    if (!containers.some(({ state }) => state === "running")) gaps.push(report);
    return (
      containers.length === 1 &&
      containers[0]?.id !== before &&
      containers[0]?.name === "shop-web-1" &&
      report.appliedGeneration !== undefined
    );
  });
  expect(gaps).toEqual([]);
  const order = harness.progress
    .filter(({ phase, revision }) => phase === "done" && revision === 2)
    .map(({ op }) => op);
  expect(order).toEqual([
    "create-container",
    "start-container",
    "stop-container",
    "rename-container",
    "rename-container",
    "remove-container",
  ]);
});

test("a crashing service is crash-looping, and a one-shot is completed or failed", async () => {
  harness.desire(
    single("loop", { command: ["false"], restart: "always" }),
    single("done", { command: ["true"] }),
    single("broken", { command: ["sh", "-c", "exit 3"] }),
  );
  const report = await harness.until(
    "each has its state",
    (told) =>
      serviceState(told, "loop") === "crash-looping" &&
      serviceState(told, "done") === "completed" &&
      serviceState(told, "broken") === "failed",
  );
  expect(report.stacks.find(({ stackId }) => stackId === "stk_broken")?.cause).toBe("it ended with exit code 3");
});

test("configs and secrets are in the container before it starts, and no secret is in its labels", async () => {
  await harness.stop();
  harness = startHarness(machine.socketPath, {
    secrets: async (_stack, reference) => (reference === "password@3" ? "hunter2" : undefined),
    files: async (_stack, digest) => (digest === "digest-1" ? Buffer.from("from a file\n") : undefined),
  });
  const check = "cat /etc/app.conf /run/secrets/key /motd; echo $PASSWORD; stat -c '%u %g %a' /run/secrets/key";
  const base = single("shop", {
    command: ["sh", "-c", check],
    environment: { PASSWORD: "{{wf-secret:password@3}}" },
    labels: { note: "{{wf-secret:password@3}}" },
    configs: [{ source: "app", target: "/etc/app.conf" }, { source: "motd" }],
    secrets: [{ source: "key", uid: "5", gid: "6", mode: "0400" }],
  });
  await harness.deploy({
    ...base,
    files: { "/stack/motd": "digest-1" },
    model: {
      ...base.model,
      configs: { app: { content: "password={{wf-secret:password@3}}\n" }, motd: { file: "/stack/motd" } },
      secrets: { key: { content: "{{wf-secret:password@3}}\n" } },
    },
  });
  const { stdout } = await run("docker", ["-H", `unix://${machine.socketPath}`, "logs", "shop-web-1"], {
    env: machine.programs.environment(process.env),
  });
  expect(stdout).toBe("password=hunter2\nhunter2\nfrom a file\nhunter2\n5 6 400\n");
  expect(JSON.stringify(harness.reconciler.observed())).not.toContain("hunter2");
  expect(JSON.stringify(harness.progress)).not.toContain("hunter2");
});

test("a secret that was not delivered fails the service by name", async () => {
  harness.desire(single("shop", { environment: { PASSWORD: "{{wf-secret:password@3}}" } }));
  const report = await harness.until("it failed", (told) => serviceState(told, "shop") === "failed");
  expect(report.stacks[0]?.cause).toContain("password@3");
});

test("a container that was taken off its network by hand is attached again, with its names", async () => {
  await harness.deploy(single("shop", {}));
  await machine.docker.getNetwork("shop_default").disconnect({ Container: "shop-web-1" });
  await harness.until("it is attached again", () =>
    harness.progress.some(({ op, phase }) => op === "connect-network" && phase === "done"),
  );
  const inspected = await machine.docker.getContainer("shop-web-1").inspect();
  expect(inspected.NetworkSettings.Networks["shop_default"]).toMatchObject({
    Aliases: expect.arrayContaining(["shop-web-1", "web"]),
  });
});

test("a dependency that is made anew restarts those that ask for it, and no others", async () => {
  const pair = (revision: number, greeting: string): DesiredStack => {
    const base = single("shop", {}, revision);
    const on = (restart: boolean): ComposeService => ({
      ...(base.model.services["web"] as ComposeService),
      depends_on: { db: { condition: "service_started", required: true, restart } },
    });
    const db = { ...(base.model.services["web"] as ComposeService), environment: { GREETING: greeting } };
    return { ...base, model: { ...base.model, services: { db, eager: on(true), calm: on(false) } } };
  };
  const startedAt = (name: string): number | undefined =>
    harness.reconciler.observed()?.containers.find((container) => container.name === name)?.detail?.startedAt;
  await harness.deploy(pair(1, "hello"));
  await harness.until("details are known", () => startedAt("shop-calm-1") !== undefined);
  const before = { eager: startedAt("shop-eager-1") ?? 0, calm: startedAt("shop-calm-1") };
  harness.desire(pair(2, "bonjour"));
  await harness.until("the eager one was restarted", () => (startedAt("shop-eager-1") ?? 0) > before.eager, 60_000);
  expect(startedAt("shop-calm-1")).toBe(before.calm);
});

test("the content of a nameless volume goes over to the container that follows", async () => {
  const volumes = [{ type: "volume" as const, target: "/cache" }];
  const inside = async (...command: string[]): Promise<string> => {
    const environment = machine.programs.environment(process.env);
    const args = ["-H", `unix://${machine.socketPath}`, "exec", "shop-web-1", ...command];
    return (await run("docker", args, { env: environment })).stdout;
  };
  await harness.deploy(single("shop", { volumes }));
  await inside("sh", "-c", "echo kept > /cache/file");
  const { downtime } = await harness.reconciler.planFor(single("shop", { volumes, environment: { A: "1" } }, 2));
  expect(downtime).toMatchObject([{ service: "web", expected: true, reason: "it writes to /cache" }]);
  await harness.deploy(single("shop", { volumes, environment: { A: "1" } }, 2));
  expect(await inside("cat", "/cache/file")).toBe("kept\n");
});

test("a container that shares the network of another follows it when that one is made anew", async () => {
  const sharing = (revision: number, greeting: string): DesiredStack => {
    const base = single("shop", { environment: { GREETING: greeting } }, revision);
    const web = base.model.services["web"] as ComposeService;
    const { networks: _networks, environment: _environment, ...rest } = web;
    return { ...base, model: { ...base.model, services: { web, side: { ...rest, network_mode: "service:web" } } } };
  };
  await harness.deploy(sharing(1, "hello"));
  await harness.deploy(sharing(2, "bonjour"));
  expect((await harness.reconciler.planFor(sharing(2, "bonjour"))).text).toBe("nothing to do");
  const [web, side] = await Promise.all(
    ["shop-web-1", "shop-side-1"].map((name) => machine.docker.getContainer(name).inspect()),
  );
  expect(side?.HostConfig.NetworkMode).toBe(`container:${web?.Id}`);
});
