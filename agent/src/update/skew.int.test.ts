import { spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sha256Hex } from "@windflow/core";
import { olderAgent } from "@windflow/e2e/testbed";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { type RunningAgent, enrollAgent, readConfig, startAgent } from "../index.ts";
import { type TestControlPlane, type TestSession, startTestControlPlane } from "../testing/control-plane.ts";
import { absentEngine } from "../testing/quiet-engine.ts";
import { stackBody, wantedStack } from "../testing/stack-body.ts";

// Written by the agent that olderAgent() makes: a stack with a policy, and events that nobody has acknowledged.
const FIXTURE = join(import.meta.dirname, "fixtures/state-of-the-version-before");
// The older agent is a process of its own, and is made from the history first.
const PATIENCE = { timeout: 50_000, interval: 50 };

let plane: TestControlPlane;
let stateDir: string;
beforeEach(async () => {
  plane = await startTestControlPlane();
  stateDir = mkdtempSync(join(tmpdir(), "windflow-skew-"));
  await enrollAgent(config(), { server: plane.url, token: "token", caSha256: sha256Hex(plane.authority.root) });
  cpSync(FIXTURE, stateDir, { recursive: true });
});
afterEach(async () => {
  await plane.stop();
  rmSync(stateDir, { recursive: true, force: true });
});

const config = (): ReturnType<typeof readConfig> =>
  readConfig({ stateDir, dockerHost: "unix:///nonexistent.sock", name: "edge" });
const session = (n: number): Promise<TestSession> =>
  vi.waitFor(() => {
    const found = plane.sessions[n - 1];
    if (found === undefined) throw new Error(`there are ${plane.sessions.length} sessions`);
    return found;
  }, PATIENCE);
const eventsOf = (spoolId: string): string[] =>
  (plane.spools.get(spoolId) ?? []).flatMap(({ kind }) => (kind?.$case === "event" ? [kind.value.type] : []));
async function take(over: TestSession, revision: number): Promise<void> {
  const bodyDigest = plane.putBody(stackBody({ revision }));
  const stacks = [wantedStack({ stackId: "stk_1", revision, bodyDigest, attempt: `rol_${revision}` })];
  over.send({ $case: "desiredState", value: { generation: { term: 1n, n: BigInt(revision + 4) }, stacks } });
  await vi.waitFor(
    () =>
      expect(over.received.find(({ $case }) => $case === "desiredStateReply")).toMatchObject({
        value: { refused: "", generation: { n: BigInt(revision + 4) } },
      }),
    PATIENCE,
  );
}
const today = (): RunningAgent =>
  startAgent(config(), { log: () => undefined, engine: absentEngine(), random: () => 0.05 });

test("this agent goes on with the state of the version before, and that one with this one's", async () => {
  const spoolId = readFileSync(join(stateDir, "spool/current"), "utf8").trim();
  const agent = today();
  const first = await session(1);
  expect(first.hello).toMatchObject({ spoolId, generation: { term: 1n, n: 7n } });
  // What the older one had not told yet, then what this one tells: no gap, nothing twice.
  await vi.waitFor(
    () => expect(eventsOf(spoolId)).toEqual(["agent.started", "agent.stopped", "agent.started"]),
    PATIENCE,
  );
  await take(first, 4);
  expect(await agent.askLocally({ command: "stacks" })).toMatchObject({ text: expect.stringContaining("revision 4") });
  await agent.stop();

  const older = await olderAgent();
  // A clone without history has what that agent wrote, and not the agent.
  if (older === undefined) return;
  const args = ["run", "--state-dir", stateDir, "--docker-host", "unix:///nonexistent.sock"];
  const child = spawn(process.execPath, [older, ...args], { stdio: "ignore" });
  const second = await session(2);
  expect(second.hello).toMatchObject({ agentVersion: "0.0.9", spoolId, generation: { term: 1n, n: 8n } });
  // A frame that it has never heard of does not end its session.
  second.send({
    $case: "linkSettings",
    value: { digest: "x", metered: true, limits: [], timeZone: "", images: "registry", peers: false },
  });
  await take(second, 5);
  expect(second.isOpen).toBe(true);
  child.kill("SIGTERM");
  await once(child, "exit");

  const again = today();
  const third = await session(3);
  expect(third.hello).toMatchObject({ spoolId, generation: { term: 1n, n: 9n } });
  await again.stop();
  const sequences = (plane.spools.get(spoolId) ?? []).map(({ sequence }) => Number(sequence));
  expect(sequences).toEqual(sequences.map((_, i) => i + 1));
});
