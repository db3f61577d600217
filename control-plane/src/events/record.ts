import { eventType, type EventType, type UnitOfWork } from "../platform/index.ts";
import { bounded, type NewEvent, type ResourceChange } from "./model.ts";
import { insertEvents } from "./store.ts";

/** Told to every replica after the commit; WatchEvents is made of it. */
export const resourceChanged: EventType<ResourceChange> = eventType<ResourceChange>("events.resource-changed");

/** Tells watchers, after the commit, that a resource changed. */
export function announce(tx: UnitOfWork, change: Omit<ResourceChange, "at"> & { at: Date }): void {
  tx.emit(resourceChanged, { ...change, at: change.at.toISOString() });
}

/** An event with the id that its recorder made (`newId("evt")`). `recordedAt`: when we learned of it, `at` unless told. */
export type IdentifiedEvent = NewEvent & { id: string; recordedAt?: Date };

/** Writes one event to the history and announces it, as part of the caller's transaction. */
export async function recordEvent(tx: UnitOfWork, event: IdentifiedEvent): Promise<void> {
  await recordEvents(tx, [event]);
}

export async function recordEvents(tx: UnitOfWork, events: readonly IdentifiedEvent[]): Promise<void> {
  await insertEvents(
    tx,
    events.map((event) => ({ ...bounded(event), id: event.id, recordedAt: event.recordedAt ?? event.at })),
  );
  for (const event of newestPerParent(events)) {
    announce(tx, {
      organizationId: event.organizationId,
      kind: "event",
      id: event.id,
      ...(event.hostId ? { parentId: event.hostId } : {}),
      change: "created",
      at: event.at,
    });
  }
}

// A batch replayed after a long absence holds thousands of events; a watcher reads the list again once per host.
function newestPerParent(events: readonly IdentifiedEvent[]): IdentifiedEvent[] {
  const newest = new Map<string, IdentifiedEvent>();
  for (const event of events) newest.set(`${event.organizationId} ${event.hostId ?? ""}`, event);
  return [...newest.values()];
}
