import { join } from "node:path";
import type { AgentConfig } from "./config.ts";
import { certificateValidity, loadIdentity } from "./enroll/identity.ts";
import { loadDesired } from "./state/desired-file.ts";
import { formatGeneration } from "./state/generation.ts";
import { AGENT_VERSION } from "./version.ts";

/** What is on disk, as lines for a person; never keys or secrets. */
export function readStatus(config: AgentConfig): string {
  const identity = loadIdentity(config.stateDir);
  if (identity === undefined)
    return `windflow-agent ${AGENT_VERSION}: not enrolled (no identity in ${config.stateDir})\n`;
  const { notAfter } = certificateValidity(identity.certificateChain);
  const desired = loadDesired(join(config.stateDir, "desired"));
  const lines = [
    `windflow-agent ${AGENT_VERSION}`,
    `host            ${identity.hostName} (${identity.hostId})`,
    `organization    ${identity.organizationId}`,
    `control plane   ${identity.server}`,
    `certificate     valid until ${new Date(notAfter).toISOString()}`,
    `desired state   ${desired === undefined ? "none yet" : `generation ${formatGeneration(desired.generation)}, ${desired.stacks.length} stacks`}`,
    ...(desired?.stacks ?? []).map((stack) => `                ${stack.stackId} revision ${stack.revision}`),
  ];
  return `${lines.join("\n")}\n`;
}
