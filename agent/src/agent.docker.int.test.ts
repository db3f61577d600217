import { randomBytes } from "node:crypto";
import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { seal, sealRandomness, secretPlaceholder, secretsContext } from "@windflow/core";
import { ActionRequest_Action, SecretValues } from "@windflow/proto/agent";
import { type TestEngine, buildImages, startTestEngine } from "@windflow/e2e/testbed";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from "vitest";
import { type AgentOnEngine, createAgentOnEngine } from "./testing/agent-on-engine.ts";
import { stackBody, wantedStack } from "./testing/stack-body.ts";

let engine: TestEngine;
let host: AgentOnEngine;

beforeAll(async () => {
  engine = await startTestEngine();
  await buildImages(engine.docker, ["busybox"]);
});
afterAll(async () => engine.stop());
beforeEach(async () => {
  host = await createAgentOnEngine(engine.socketPath);
  await host.start();
});
afterEach(async () => {
  await host.remove();
  for (const container of await engine.docker.listContainers({ all: true })) {
    await engine.docker.getContainer(container.Id).remove({ force: true });
  }
});

const PATIENCE = { timeout: 60_000, interval: 50 };
// The net under the events looks every half minute; how fast an event is, the benches measure.
const NET_MS = 30_000;
const ids = async (): Promise<string[]> => (await engine.docker.listContainers()).map((container) => container.Id);
const running = async (count: number): Promise<string> => {
  await vi.waitFor(async () => expect(await ids()).toHaveLength(count), PATIENCE);
  return (await ids())[0] ?? "";
};
const deploy = async (n: bigint, body: Uint8Array, revision = 1): Promise<{ refused: string; code: string }> =>
  host.desire(n, wantedStack({ stackId: "stk_1", revision, bodyDigest: host.plane.putBody(body) }));

test("a desired state becomes containers, and the control plane is told when they run", async () => {
  expect(host.session().hello.host).toMatchObject({
    engineName: expect.stringMatching(/docker/i),
    capabilities: expect.arrayContaining(["docker"]),
  });
  expect(await deploy(1n, stackBody({}))).toMatchObject({ refused: "" });
  await running(1);
  expect(host.plane.sessions).toHaveLength(1);
  await vi.waitFor(
    () =>
      expect(host.observed()?.stacks[0]).toMatchObject({
        stackId: "stk_1",
        converged: true,
        problem: "",
        services: [{ service: "web", state: "running", containersRunning: 1, containersWanted: 1 }],
      }),
    PATIENCE,
  );
  expect(host.observed()?.containers[0]).toMatchObject({
    name: "shop-web-1",
    stackId: "stk_1",
    revision: 1,
    service: "web",
  });
  expect(
    host.session().received.some((kind) => kind.$case === "progress" && kind.value.step.includes("create-container")),
  ).toBe(true);
  const events = (): string[] =>
    [...host.plane.spools.values()]
      .flat()
      .flatMap((entry) => (entry.kind?.$case === "event" ? [entry.kind.value.type] : []));
  // Events travel by the spool, which the state does not wait for.
  await expect.poll(events).toContain("container.start");
  await host.desire(2n);
  await running(0);
});

test("an engine that comes back after the greeting is told at once, by a new session", async () => {
  await host.stopAgent();
  await engine.shutDown();
  const without = await host.start();
  expect(without.hello.host).toMatchObject({ engineName: "", capabilities: expect.not.arrayContaining(["docker"]) });
  await engine.restart();
  await vi.waitFor(() => expect(host.session().hello.host).toMatchObject({ engineName: "Docker Engine" }), PATIENCE);
  expect(without.received.at(-1)).toMatchObject({ $case: "goodbye", value: { code: "WF_AGENT_RECONNECTS" } });
});

test("with no control plane and a restarted agent, a container that was removed by hand is back as soon as its event tells it", async () => {
  await deploy(1n, stackBody({}));
  const before = await running(1);
  await host.plane.stop();
  await engine.docker.getContainer(before).remove({ force: true });
  const removedAt = performance.now();
  await vi.waitFor(async () => expect((await ids())[0]).toBeDefined(), PATIENCE);
  expect(performance.now() - removedAt).toBeLessThan(NET_MS);

  await host.stopAgent();
  const kept = await running(1);
  await engine.docker.getContainer(kept).remove({ force: true });
  host.start().catch(() => undefined);
  expect(await running(1)).not.toBe(kept);
});

test("an older generation, a body that does not match, and what local policy forbids are refused; nothing changes", async () => {
  await deploy(5n, stackBody({}));
  const before = await running(1);
  expect(await host.desire(4n)).toMatchObject({ code: "WF_OLDER_GENERATION" });
  const digest = host.plane.putBody(stackBody({ revision: 2 }));
  host.plane.bodies.set(digest, Buffer.from("something else"));
  expect(await host.desire(6n, wantedStack({ stackId: "stk_1", revision: 2, bodyDigest: digest }))).toMatchObject({
    code: "WF_BODY_INVALID",
  });
  const privileged = stackBody({ revision: 3, service: { privileged: true } });
  expect(await deploy(7n, privileged, 3)).toMatchObject({
    code: "WF_LOCAL_POLICY",
    refused: expect.stringContaining('"shop"'),
  });
  expect(await ids()).toEqual([before]);
  writeFileSync(host.config.policyFile, '{"privilegedStacks": ["shop"]}', { mode: 0o600 });
  expect(await deploy(8n, privileged, 3)).toMatchObject({ refused: "" });
  await vi.waitFor(async () => expect(await ids()).not.toEqual([before]), PATIENCE);
});

test("a plan is made and nothing is done; an operator's stop holds until the operator's start", async () => {
  await deploy(1n, stackBody({}));
  const id = await running(1);
  host.session().send({
    $case: "planRequest",
    value: {
      requestId: "p1",
      stackId: "stk_1",
      body: stackBody({ revision: 2, service: { environment: { A: "1" } } }),
      adoptedContainerIds: [],
    },
  });
  const plan = await host.frame("planReply", (reply) => reply.requestId === "p1");
  expect(plan).toMatchObject({ problem: "", text: expect.stringContaining("environment") });
  expect(plan.steps.map((step) => step.op)).toContain("create-container");
  host.session().send({
    $case: "planRequest",
    value: { requestId: "p2", stackId: "stk_1", body: new Uint8Array(), adoptedContainerIds: [] },
  });
  expect((await host.frame("planReply", (reply) => reply.requestId === "p2")).steps.map((step) => step.op)).toContain(
    "remove-container",
  );
  expect(await ids()).toEqual([id]);

  host.session().send({
    $case: "actionRequest",
    value: { requestId: "a1", action: ActionRequest_Action.ACTION_STOP, containerId: id },
  });
  expect(await host.frame("actionReply", (reply) => reply.requestId === "a1")).toMatchObject({ problem: "" });
  expect(await ids()).toEqual([]);
  await vi.waitFor(() => expect(host.observed()?.stacks[0]?.services[0]?.state).toBe("stopped"), PATIENCE);
  host.session().send({
    $case: "actionRequest",
    value: { requestId: "a2", action: ActionRequest_Action.ACTION_START, containerId: id },
  });
  expect(await host.frame("actionReply", (reply) => reply.requestId === "a2")).toMatchObject({ problem: "" });
  expect(await running(1)).toBe(id);
});

test("a secret reaches the container and stands nowhere on the host's disk or in the log in the clear", async () => {
  const canary = `canary-${randomBytes(8).toString("hex")}`;
  const reference = secretPlaceholder({ name: "PASSWORD", version: 1 });
  const command = ["sh", "-c", `: ${reference}; trap 'exit 0' TERM; while :; do sleep 3600 & wait $!; done`];
  const body = stackBody({ secrets: ["PASSWORD@1"], service: { command, environment: { PASSWORD: reference } } });
  const values = SecretValues.encode({ values: [{ reference: "PASSWORD@1", value: canary }] }).finish();
  const random = sealRandomness(randomBytes(44));
  host.plane.secrets.set("stk_1/1", seal(host.session().hello.sealingKey, values, secretsContext("stk_1", 1), random));
  expect(await deploy(1n, body)).toMatchObject({ refused: "" });
  const { Config } = await engine.docker.getContainer(await running(1)).inspect();
  expect(Config.Env).toContain(`PASSWORD=${canary}`);
  expect(Config.Cmd?.join(" ")).toContain(canary);
  const told = await host.frame("observed", ({ containers }) => containers.some(({ state }) => state === "running"));
  expect(told.containers[0]?.command).toContain("[REDACTED]");
  const files = readdirSync(host.config.stateDir, { recursive: true, withFileTypes: true });
  const contents = files.filter((file) => file.isFile()).map((file) => readFileSync(join(file.parentPath, file.name)));
  expect(contents.filter((content) => content.includes(canary))).toEqual([]);
  expect(host.logLines.join("")).not.toContain(canary);
  expect(
    JSON.stringify(host.session().received, (_, value: unknown) => (typeof value === "bigint" ? String(value) : value)),
  ).not.toContain(canary);
});
