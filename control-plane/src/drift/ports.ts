import type { ProjectReply } from "@windflow/proto/agent";
import type { Caller, UnitOfWork } from "../platform/index.ts";

/** The part of the agents' gateway that drift needs. */
export interface DriftGateway {
  requestProject(
    hostId: string,
    asked: { readonly project: string; readonly own: boolean },
    signal?: AbortSignal,
  ): Promise<ProjectReply>;
}

/** Asks a host, with its desired state, to put right what differs of a stack. False when it must not run the stack. */
export interface DriftCorrector {
  askCorrection(
    tx: UnitOfWork,
    wanted: {
      readonly organizationId: string;
      readonly hostId: string;
      readonly stackId: string;
      readonly correct: string;
    },
  ): Promise<boolean>;
}

export interface AuditTrail {
  record(
    tx: UnitOfWork,
    caller: Caller,
    act: { action: string; targetKind: string; targetId: string; detail: Record<string, unknown> },
  ): Promise<void>;
}
