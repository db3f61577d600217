import { AgentUpdateStatus_State, type AgentBuild, type AgentUpdateStatus } from "@windflow/proto/agent";
import { openTestSession, type TestIdentity, type TestServer, type TestSession } from "../../testing/test-agent.ts";

/** What an agent that can update itself says of its program. */
export const oldBuild: AgentBuild = {
  commit: "old",
  development: true,
  arch: "x64",
  protocolMin: 1,
  protocolMax: 1,
  cannotUpdate: "",
};

/** A frame about an update to 0.2.0. */
export function updateStatus(
  updateId: string,
  state: keyof typeof AgentUpdateStatus_State,
  more: Partial<AgentUpdateStatus> = {},
): { readonly $case: "agentUpdate"; readonly value: AgentUpdateStatus } {
  const value: AgentUpdateStatus = {
    updateId,
    version: "0.2.0",
    state: AgentUpdateStatus_State[state] as AgentUpdateStatus_State,
    cause: "",
    code: "",
    bytesDone: 0n,
    bytesTotal: 0n,
    at: new Date(),
    fromVersion: "0.1.0",
    ...more,
  };
  return { $case: "agentUpdate", value };
}

/** What a host's agent does that becomes release 0.2.0: told by frames, proven by a new session. */
export async function becomeRelease(
  server: TestServer,
  identity: TestIdentity,
  session: TestSession,
  patienceMs: number,
): Promise<TestSession> {
  const { updateId } = await session.next("desiredAgent", patienceMs);
  session.send(updateStatus(updateId, "STATE_DOWNLOADING", { bytesTotal: 100_000n }));
  session.send(updateStatus(updateId, "STATE_STAGED"));
  session.close();
  const proving = updateStatus(updateId, "STATE_PROVING").value;
  const build = { ...oldBuild, commit: "commit-of-0.2.0" };
  const again = await openTestSession(server, identity, { agentVersion: "0.2.0", build, agentUpdate: proving });
  again.send(updateStatus(updateId, "STATE_SUCCEEDED"));
  return again;
}
