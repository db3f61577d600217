import { join } from "node:path";
import type { AgentConfig } from "../config.ts";
import { certificateValidity, loadIdentity } from "../enroll/identity.ts";
import { loadDesired } from "../state/desired-file.ts";
import { formatGeneration } from "../state/generation.ts";

/** What is on disk of a host that is enrolled; never keys or secrets. */
export interface StoredStatus {
  readonly hostId: string;
  readonly hostName: string;
  readonly organizationId: string;
  readonly server: string;
  /** Milliseconds since 1970. */
  readonly certificateValidUntil: number;
  /** Absent before the first desired state. */
  readonly desired?: {
    readonly generation: string;
    readonly stacks: readonly { readonly stackId: string; readonly revision: number }[];
  };
}

/** undefined when the host is not enrolled. @throws AgentError WF_STATE_UNREADABLE */
export function readStored({ stateDir }: Pick<AgentConfig, "stateDir">): StoredStatus | undefined {
  const identity = loadIdentity(stateDir);
  if (identity === undefined) return undefined;
  const { hostId, hostName, organizationId, server, certificateChain } = identity;
  const desired = loadDesired(join(stateDir, "desired"));
  return {
    hostId,
    hostName,
    organizationId,
    server,
    certificateValidUntil: certificateValidity(certificateChain).notAfter,
    ...(desired === undefined
      ? {}
      : {
          desired: {
            generation: formatGeneration(desired.generation),
            stacks: desired.stacks.map(({ stackId, revision }) => ({ stackId, revision })),
          },
        }),
  };
}
