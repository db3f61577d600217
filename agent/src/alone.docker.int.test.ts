import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { type TestEngine, buildImages, startTestEngine } from "@windflow/e2e/testbed";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { type AgentOnEngine, createAgentOnEngine } from "./testing/agent-on-engine.ts";
import { stackBody, wantedStack } from "./testing/stack-body.ts";

/**
 * A host whose control plane is gone for good: the agent is the real program, in a process of its own, and it, the engine and the whole
 * machine are killed in the middle of what they do.
 */
let engine: TestEngine;
let host: AgentOnEngine;
let agent: ChildProcess | undefined;
/** The end of what all agents of the test have said. */
let said = "";

beforeEach(async () => {
  engine = await startTestEngine();
  await buildImages(engine.docker, ["busybox"]);
  host = await createAgentOnEngine(engine.socketPath);
  await host.start();
});
afterEach(async () => {
  await killAgent();
  await host.remove();
  await engine.stop();
});

const SAID_CHARACTERS = 4_000;
const PATIENCE = { timeout: 30_000, interval: 100 };
const IDLE = "trap 'exit 0' TERM; while :; do sleep 3600 & wait $!; done";

function program(...args: string[]): ChildProcess {
  const { stateDir, engineSocket, policyFile } = host.config;
  const flags = ["--conditions=@windflow/source", "--no-warnings", join(import.meta.dirname, "main.ts")];
  const settings = ["--state-dir", stateDir, "--docker-host", engineSocket, "--policy-file", policyFile];
  return spawn(process.execPath, [...flags, ...args, ...settings], { stdio: ["ignore", "pipe", "pipe"] });
}
function startAgent(): void {
  agent = program("run");
  for (const stream of [agent.stdout, agent.stderr])
    stream?.on("data", (bytes: Buffer) => (said = (said + bytes.toString()).slice(-SAID_CHARACTERS)));
}
async function killAgent(): Promise<void> {
  if (agent === undefined || agent.exitCode !== null || agent.signalCode !== null) return;
  const ended = once(agent, "exit");
  agent.kill("SIGKILL");
  await ended;
}
async function command(...args: string[]): Promise<string> {
  const child = program(...args);
  let out = "";
  for (const stream of [child.stdout, child.stderr]) stream?.on("data", (bytes: Buffer) => (out += bytes.toString()));
  await once(child, "close");
  return out;
}
const asked = (...args: string[]): Promise<string> =>
  vi.waitFor(async () => {
    const out = await command(...args);
    expect(out).not.toContain("WF_NOT_RUNNING");
    return out;
  }, PATIENCE);
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
/** Revision of the one container that runs. */
async function revisionThatRuns(): Promise<string> {
  const running = await engine.docker.listContainers();
  return running.map(({ Names, Labels }) => `${Names[0] ?? ""} ${Labels["dev.windflow.revision"] ?? ""}`).join();
}
const runs = (revision: number): Promise<void> =>
  vi.waitFor(async () => expect(await revisionThatRuns(), said).toBe(`/shop-web-1 ${revision}`), PATIENCE);

/** Two revisions have run; then the control plane goes, and the agent becomes a process of its own. */
async function leftAlone(policy?: Parameters<typeof wantedStack>[0]["policy"]): Promise<void> {
  for (const revision of [1, 2]) {
    const service = { environment: { REVISION: String(revision) }, command: ["sh", "-c", IDLE] };
    const bodyDigest = host.plane.putBody(stackBody({ revision, service }));
    const attempt = `rol_${revision}`;
    await host.desire(
      BigInt(revision),
      wantedStack({ stackId: "stk_1", revision, bodyDigest, attempt, ...(policy === undefined ? {} : { policy }) }),
    );
    await vi.waitFor(() => expect(host.observed()?.stacks[0]?.keptRevisions).toContain(revision), PATIENCE);
  }
  await host.stopAgent();
  await host.plane.stop();
  startAgent();
}

test("killed in the middle of a rollback, at any moment, the agent ends at the revision that root holds", async () => {
  await leftAlone();
  expect(await asked("rollback", "shop")).toContain("shop is held at revision 1");
  for (const ms of [0, 60, 150, 300]) {
    await pause(ms);
    await killAgent();
    startAgent();
  }
  await runs(1);
  expect(await asked("stacks")).toMatch(/shop +revision 1 +held; wanted is 2/);
  await asked("release", "shop");
  await killAgent();
  startAgent();
  await runs(2);
  expect(await asked("rollback", "shop", "--to", "9")).toContain("WF_REVISION_NOT_KEPT");
  expect(await asked("rollback", "shop", "--to", "x")).toContain("WF_CONFIG_INVALID");
});

test.each([["agent first"], ["engine first"]])(
  "after a power cut with no network, %s, what is held runs, and what was removed meanwhile is back",
  async (order) => {
    await leftAlone();
    expect(await asked("rollback", "shop")).toContain("shop is held at revision 1");
    await runs(1);
    await killAgent();
    await engine.machine.powerCut();
    await engine.machine.boot();
    await engine.forgetRunState();
    if (order === "agent first") {
      startAgent();
      await pause(1_500);
      await engine.restart();
    } else {
      await engine.restart();
      startAgent();
    }
    await runs(1);
    const [before] = await engine.docker.listContainers();
    await engine.docker.getContainer(before?.Id ?? "").remove({ force: true });
    await runs(1);
    await asked("release", "shop");
    await runs(2);
  },
);

test("killed in the middle of a correction and of a heal, the next agent brings both to their end, and no budget is spent twice", async () => {
  const rule = {
    action: "recreate",
    whenUnhealthy: false,
    budget: 2,
    budgetSeconds: 600,
    backoffSeconds: 1,
    backoffLimitSeconds: 1,
  };
  await leftAlone({ reportDrift: false, heal: { web: rule }, keepRevisions: 3 });
  for (const ms of [20, 120, 250]) {
    const [one] = await engine.docker.listContainers({ all: true });
    await engine.docker.getContainer(one?.Id ?? "").remove({ force: true });
    await pause(ms);
    await killAgent();
    startAgent();
    await runs(2);
  }
  // A place that is to be healed: each end is one attempt, whatever happens to the agent in between.
  const idOf = async (): Promise<string> => (await engine.docker.listContainers({ all: true }))[0]?.Id ?? "";
  for (const ms of [1_050, 1_200]) {
    const before = await idOf();
    await engine.docker.getContainer(before).kill();
    await pause(ms);
    await killAgent();
    startAgent();
    await vi.waitFor(async () => {
      expect(await revisionThatRuns()).toBe("/shop-web-1 2");
      expect(await idOf()).not.toBe(before);
    }, PATIENCE);
  }
  await engine.docker.getContainer(await idOf()).kill();
  await pause(4_000);
  expect(await revisionThatRuns()).toBe("");
  await killAgent();
  startAgent();
  await pause(3_000);
  expect(await revisionThatRuns()).toBe("");
});
