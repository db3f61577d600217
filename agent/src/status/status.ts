import type { AgentConfig } from "../config.ts";
import type { AgentStatus } from "../control/agent-status.ts";
import { askAgent } from "../control/local-socket.ts";
import { reasonOf } from "../platform/log.ts";
import { describeStatus, loadStatus } from "../update/index.ts";
import { type StoredStatus, readStored } from "./stored.ts";

/** What is on disk, and what the agent says that runs with it. */
export interface HostStatus {
  /** Of the program that was asked. */
  readonly version: string;
  readonly stored: StoredStatus | undefined;
  /** undefined when no agent runs with this state. */
  readonly agent: AgentStatus | undefined;
  /** Why nothing is known of an agent, where that is so. */
  readonly notRunning?: string;
  /** Lines of the stacks, and of the link. */
  readonly stacks?: string;
  readonly link?: string;
  readonly update: string;
}

/** Asks the disk and the agent; changes nothing, and asks no control plane. @throws AgentError WF_STATE_UNREADABLE */
export async function readStatus(config: AgentConfig, version: string): Promise<HostStatus> {
  const stored = readStored(config);
  const update = describeStatus(loadStatus(config.stateDir));
  const ask = async (command: "status" | "stacks" | "link"): Promise<string> => {
    const { text, code } = await askAgent(config.stateDir, { command });
    if (code !== undefined) throw new Error(text);
    return text;
  };
  try {
    const agent = JSON.parse(await ask("status")) as AgentStatus;
    return { version, stored, agent, stacks: await ask("stacks"), link: await ask("link"), update };
  } catch (error) {
    return { version, stored, agent: undefined, notRunning: reasonOf(error), update };
  }
}
