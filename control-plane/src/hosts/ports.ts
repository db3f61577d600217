import type { Caller, UnitOfWork } from "../platform/index.ts";

/** The audit trail, as far as hosts write to it. */
export interface AuditTrail {
  record(
    tx: UnitOfWork,
    caller: Caller,
    entry: { action: string; targetKind: string; targetId: string; detail: Record<string, unknown> },
  ): Promise<void>;
}

/** The last figures of a host, from memory. */
export interface HostFigures {
  figuresOf(hostId: string): { cpuPercent: number; memoryPercent: number } | undefined;
}

/** What hosts are to run, for lists. */
export interface HostDesired {
  desiredOf(
    tx: UnitOfWork,
    hostIds: readonly string[],
  ): Promise<Map<string, { generation: string; stacksTotal: number }>>;
}

/** What other domains keep of a host; forgotten with it, in the same transaction. */
export interface HostHistory {
  forget(tx: UnitOfWork, hostId: string): Promise<void>;
}
