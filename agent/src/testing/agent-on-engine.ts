import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sha256Hex } from "@windflow/core";
import type { DesiredStack, ObservedState } from "@windflow/proto/agent";
import { vi } from "vitest";
import { type AgentConfig, type RunningAgent, createLog, enrollAgent, readConfig, startAgent } from "../index.ts";
import type { LocalAnswer, LocalCommand } from "../control/local-commands.ts";
import type { ConfigInput } from "../config.ts";
import { type AgentKind, type TestControlPlane, type TestSession, startTestControlPlane } from "./control-plane.ts";

const PATIENCE_MS = 60_000;

/** An enrolled agent with its control plane and a real engine. */
export interface AgentOnEngine {
  readonly plane: TestControlPlane;
  readonly config: AgentConfig;
  readonly logLines: string[];
  start(): Promise<TestSession>;
  stopAgent(): Promise<void>;
  session(): TestSession;
  /** Sends a desired state over the newest session and gives the answer. */
  desire(n: bigint, ...stacks: readonly DesiredStack[]): Promise<{ refused: string; code: string }>;
  observed(): ObservedState | undefined;
  /** As root on the host asks. */
  askLocally(command: LocalCommand): Promise<LocalAnswer>;
  /** The first frame of a kind that satisfies the test, of those sent over the newest session. */
  frame<C extends AgentKind["$case"]>(
    kind: C,
    test?: (value: Extract<AgentKind, { $case: C }>["value"]) => boolean,
  ): Promise<Extract<AgentKind, { $case: C }>["value"]>;
  remove(): Promise<void>;
}

export async function createAgentOnEngine(socketPath: string, over: ConfigInput = {}): Promise<AgentOnEngine> {
  const plane = await startTestControlPlane();
  const stateDir = mkdtempSync(join(tmpdir(), "windflow-agent-"));
  const config = readConfig({
    stateDir,
    dockerHost: socketPath,
    name: "edge-1",
    policyFile: join(stateDir, "policy.json"),
    ...over,
  });
  await enrollAgent(config, { server: plane.url, token: "token", caSha256: sha256Hex(plane.authority.root) });
  const logLines: string[] = [];
  let agent: RunningAgent | undefined;
  let sessionsBefore = 0;

  const session = (): TestSession => {
    const newest = plane.sessions.at(-1);
    if (newest === undefined) throw new Error("no session yet");
    return newest;
  };
  const frame: AgentOnEngine["frame"] = (kind, test = () => true) =>
    vi.waitUntil(
      () => {
        for (const received of session().received) {
          if (received.$case === kind && test(received.value as never)) return received.value as never;
        }
        return undefined;
      },
      { timeout: PATIENCE_MS },
    );
  return {
    plane,
    config,
    logLines,
    session,
    frame,
    start: async () => {
      sessionsBefore = plane.sessions.length;
      agent = startAgent(config, {
        log: createLog("debug", (line) => void logLines.push(line), Date.now),
        random: () => 0.05,
      });
      await vi.waitUntil(() => plane.sessions.length > sessionsBefore, { timeout: PATIENCE_MS });
      return session();
    },
    stopAgent: async () => {
      await agent?.stop();
      agent = undefined;
    },
    desire: async (n, ...stacks) => {
      session().send({ $case: "desiredState", value: { generation: { term: 1n, n }, stacks: [...stacks] } });
      return frame("desiredStateReply", (reply) => reply.generation?.n === n);
    },
    observed: () => {
      const states = session().received.flatMap((kind) => (kind.$case === "observed" ? [kind.value] : []));
      return states.at(-1);
    },
    askLocally: (command) => {
      if (agent === undefined) throw new Error("the agent was stopped");
      return agent.askLocally(command);
    },
    remove: async () => {
      await agent?.stop();
      await plane.stop();
      rmSync(stateDir, { recursive: true, force: true });
    },
  };
}
