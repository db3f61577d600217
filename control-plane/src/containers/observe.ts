import type { ObservedState } from "@windflow/proto/agent";
import { announce } from "../events/index.ts";
import type { UnitOfWork } from "../platform/index.ts";
import { hostObserved } from "./events.ts";
import { writeObserved } from "./store-observed.ts";

export interface ObservedReport {
  readonly organizationId: string;
  readonly hostId: string;
  /** When the control plane received it. */
  readonly at: Date;
  readonly state: ObservedState;
}

// A watcher reads a list again after the first word; more words than this say nothing new.
const ANNOUNCED_CONTAINERS = 20;

/** Stores what a host reports, in the caller's transaction, and tells who watches what changed. */
export async function storeObserved(tx: UnitOfWork, report: ObservedReport): Promise<void> {
  const { organizationId, hostId, at, state } = report;
  const change = await writeObserved(tx, { organizationId, hostId, receivedAt: at, state });
  for (const id of change.stackIds) announce(tx, { organizationId, kind: "stack", id, change: "updated", at });
  for (const container of change.containers.slice(0, ANNOUNCED_CONTAINERS)) {
    announce(tx, { organizationId, kind: "container", parentId: hostId, at, ...container });
  }
  tx.emit(hostObserved, { organizationId, hostId });
}
