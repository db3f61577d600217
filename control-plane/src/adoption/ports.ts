import type { PlanReply, ProjectReply } from "@windflow/proto/agent";
import type { Caller, UnitOfWork } from "../platform/index.ts";

/** The part of the agents' gateway that adoptions go through. */
export interface AdoptionGateway {
  isConnected(hostId: string): boolean;
  requestProject(
    hostId: string,
    asked: { readonly project: string; readonly own: boolean },
    signal?: AbortSignal,
  ): Promise<ProjectReply>;
  requestPlan(
    hostId: string,
    request: { readonly stackId: string; readonly body: Uint8Array; readonly adoptedContainerIds: readonly string[] },
    signal?: AbortSignal,
  ): Promise<PlanReply>;
}

export interface AuditTrail {
  record(
    tx: UnitOfWork,
    caller: Caller,
    act: { action: string; targetKind: string; targetId: string; detail: Record<string, unknown> },
  ): Promise<void>;
}
