import type { ObservedState } from "@windflow/proto/agent";
import { announce } from "../events/index.ts";
import type { UnitOfWork } from "../platform/index.ts";
import { hostObserved } from "./events.ts";
import { writeObserved } from "./store-observed.ts";

export interface ObservedReport {
  readonly organizationId: string;
  readonly hostId: string;
  /** When the host looked, in our time. */
  readonly at: Date;
  readonly receivedAt: Date;
  /** Milliseconds that the host's clock is ahead: times in `state` are the host's own. */
  readonly clockSkewMs: number;
  readonly state: ObservedState;
}

// A watcher reads a list again after the first word; more words than this say nothing new.
const ANNOUNCED_CONTAINERS = 20;

/** Stores what a host reports, in the caller's transaction, and tells who watches what changed. */
export async function storeObserved(tx: UnitOfWork, report: ObservedReport): Promise<void> {
  const { organizationId, hostId, receivedAt: at } = report;
  const change = await writeObserved(tx, report);
  for (const id of change.stackIds) announce(tx, { organizationId, kind: "stack", id, change: "updated", at });
  for (const container of change.containers.slice(0, ANNOUNCED_CONTAINERS)) {
    announce(tx, { organizationId, kind: "container", parentId: hostId, at, ...container });
  }
  tx.emit(hostObserved, { organizationId, hostId });
}
