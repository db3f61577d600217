import type { ObservedState } from "@windflow/proto/agent";
import { announce } from "../events/index.ts";
import type { UnitOfWork } from "../platform/index.ts";
import { hostObserved } from "./events.ts";
import { writeObserved } from "./write-observed.ts";

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

/** Stores what hosts report, each once, in the caller's transaction of their organization, and tells who watches what changed. */
export async function storeObserved(tx: UnitOfWork, reports: readonly ObservedReport[]): Promise<void> {
  const changes = await writeObserved(tx, reports);
  for (const [index, { organizationId, hostId, receivedAt: at }] of reports.entries()) {
    const { stackIds, containers } = changes[index] ?? { stackIds: [], containers: [] };
    for (const id of stackIds) announce(tx, { organizationId, kind: "stack", id, change: "updated", at });
    for (const container of containers.slice(0, ANNOUNCED_CONTAINERS)) {
      announce(tx, { organizationId, kind: "container", parentId: hostId, at, ...container });
    }
    tx.emit(hostObserved, { organizationId, hostId });
  }
}
