import { randomBytes } from "node:crypto";
import { seal, sealRandomness, secretPlaceholder, secretsContext } from "@windflow/core";
import { type GateProbe, type HostEvent, type ObservedStack, SecretValues } from "@windflow/proto/agent";
import { type TestEngine, buildImages, startTestEngine } from "@windflow/e2e/testbed";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from "vitest";
import { type AgentOnEngine, createAgentOnEngine } from "./testing/agent-on-engine.ts";
import { stackBody, wantedStack } from "./testing/stack-body.ts";

/** What a host does by itself, as its control plane is told of it. */
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
  for (const container of await engine.docker.listContainers({ all: true }))
    await engine.docker.getContainer(container.Id).remove({ force: true });
});

const PATIENCE = { timeout: 20_000, interval: 50 };
const RULE = {
  action: "restart",
  whenUnhealthy: false,
  budget: 2,
  budgetSeconds: 600,
  backoffSeconds: 2,
  backoffLimitSeconds: 2,
};
const stack = (): ObservedStack | undefined => host.observed()?.stacks[0];
const events = (): HostEvent[] =>
  [...host.plane.spools.values()]
    .flat()
    .flatMap((entry) => (entry.kind?.$case === "event" ? [entry.kind.value] : []))
    .filter(({ type }) => /^(drift|heal|stack)\./.test(type));
const told = (): string[] => events().map(({ type }) => type);

test("a crash loop is told with its last lines, without secrets, and with the time of the next attempt", async () => {
  const canary = `canary-${randomBytes(8).toString("hex")}`;
  const key = `-----BEGIN KEY-----\n${canary}-of-the-first-line\n${canary}-of-the-second-line\n-----END KEY-----\n`;
  const secret = (name: string): string => secretPlaceholder({ name, version: 1 });
  const script = `for n in $(seq 1 40); do echo line $n; done; echo password=$PASSWORD; echo "$KEY"; yes x | head -c 900 | tr -d '\\n'; echo; exit 4`;
  const environment = { PASSWORD: secret("PASSWORD"), KEY: secret("KEY") };
  const body = stackBody({
    secrets: ["PASSWORD@1", "KEY@1"],
    service: { command: ["sh", "-c", script], environment, restart: "always" },
  });
  const values = SecretValues.encode({
    values: [
      { reference: "PASSWORD@1", value: canary },
      { reference: "KEY@1", value: key },
    ],
  }).finish();
  const random = sealRandomness(randomBytes(44));
  host.plane.secrets.set("stk_1/1", seal(host.session().hello.sealingKey, values, secretsContext("stk_1", 1), random));
  const policy = { reportDrift: false, heal: { "*": RULE }, keepRevisions: 3 };
  const bodyDigest = host.plane.putBody(body);
  await host.desire(1n, wantedStack({ stackId: "stk_1", revision: 1, bodyDigest, attempt: "rol_1", policy }));
  const waiting = await vi.waitUntil(() => {
    const service = stack()?.services[0];
    return service?.state === "crash-looping" && service.nextAttemptAt !== undefined ? service : undefined;
  }, PATIENCE);
  expect(waiting.cause).toMatch(/^it ended with exit code 4; it was started again once and is to be once more$/);
  // The last 20, of which the five of the key have become one.
  await vi.waitFor(() => expect(stack()?.services[0]?.lastLogLines).toHaveLength(16), PATIENCE);
  const lines = stack()?.services[0]?.lastLogLines ?? [];
  expect(lines).toContain("password=[REDACTED]");
  expect(lines.at(-1)).toBe("x".repeat(450));
  expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(500);
  await vi.waitFor(() => expect(told()).toEqual(["heal.restarted", "heal.restarted", "heal.given-up"]), PATIENCE);
  await vi.waitFor(() => expect(stack()?.services[0]?.cause).toContain("given up after 2 attempts"), PATIENCE);
  expect(stack()).toMatchObject({ restarts: 2, services: [{ state: "crash-looping", nextAttemptAt: undefined }] });
  const received = JSON.stringify(host.session().received, (_, value: unknown) =>
    typeof value === "bigint" ? String(value) : value,
  );
  expect(received).not.toContain(canary);
});

test("drift is told with its steps, left alone, and put right by an order; a policy that changes takes effect without a rollout", async () => {
  const bodyDigest = host.plane.putBody(stackBody({}));
  const wanted = { stackId: "stk_1", revision: 1, bodyDigest, attempt: "rol_1" };
  const policy = { reportDrift: true, heal: {}, keepRevisions: 3 };
  await host.desire(1n, wantedStack({ ...wanted, policy }));
  await vi.waitFor(() => expect(stack()).toMatchObject({ converged: true, attempt: "rol_1", drift: [] }), PATIENCE);
  await engine.docker.getContainer("shop-web-1").remove({ force: true });
  await vi.waitFor(() => {
    expect(stack()).toMatchObject({
      converged: false,
      driftSince: expect.any(Date),
      drift: [
        { op: "create-container", target: "shop-web-1", cause: "missing", service: "web" },
        { op: "start-container", target: "shop-web-1", cause: "new container", service: "web" },
      ],
    });
  }, PATIENCE);
  await host.desire(2n, wantedStack({ ...wanted, policy, correct: "order-1" }));
  await vi.waitFor(() => expect(stack()).toMatchObject({ converged: true, corrected: "order-1", drift: [] }), PATIENCE);
  await vi.waitFor(() => expect(told()).toEqual(["drift.corrected"]), PATIENCE);
  await host.desire(3n, wantedStack({ ...wanted, correct: "order-1" }));
  await engine.docker.getContainer("shop-web-1").remove({ force: true });
  await vi.waitFor(() => expect(told()).toEqual(["drift.corrected", "drift.corrected"]), PATIENCE);
  const [, second] = events();
  const steps = JSON.parse(second?.attributes["steps"] ?? "[]") as { readonly op: string }[];
  expect(steps.map(({ op }) => op)).toEqual(expect.arrayContaining(["create-container", "start-container"]));
});

test("probes are run for each attempt and told with it; one that hangs keeps no other from being told", async () => {
  const probe = (command: string[], over: Partial<GateProbe> = {}): GateProbe => ({
    service: "web",
    httpPort: 0,
    httpPath: "",
    httpStatus: 0,
    httpContains: "",
    tcpPort: 0,
    command,
    intervalSeconds: 1,
    timeoutSeconds: 1,
    successes: 2,
    ...over,
  });
  const bodyDigest = host.plane.putBody(stackBody({}));
  const wanted = { stackId: "stk_1", revision: 1, bodyDigest };
  const probes = [probe(["true"]), probe(["sleep", "60"])];
  await host.desire(1n, wantedStack({ ...wanted, attempt: "rol_1", probes }));
  await vi.waitFor(() => {
    expect(stack()).toMatchObject({
      attempt: "rol_1",
      probes: [
        { name: "exec true", service: "web", passed: true, successes: 2, cause: "it ended with 0" },
        { name: "exec sleep 60", passed: false, successes: 0, cause: "no answer in time" },
      ],
    });
  }, PATIENCE);
  // A new agent asks again, and so does a new attempt.
  await host.stopAgent();
  await host.start();
  await vi.waitFor(() => expect(stack()?.probes.map(({ passed }) => passed)).toEqual([true, false]), PATIENCE);
  await host.desire(2n, wantedStack({ ...wanted, attempt: "rol_2", probes: [probe(["true"])] }));
  await vi.waitFor(() => expect(stack()).toMatchObject({ attempt: "rol_2", probes: [{ passed: true }] }), PATIENCE);
});
