import { recordEvents, severityOf, type IdentifiedEvent } from "../events/index.ts";
import type { Clock, NewId } from "../platform/index.ts";
import type { SpoolSink } from "./ports.ts";

// A host's clock that is further ahead is wrong; its events would stand above everything that happens from now on.
const FUTURE_LIMIT_MS = 5 * 60_000;

/** Takes the engine's events out of the spool and into the history. */
export function hostEventsSink(parts: { clock: Clock; newId: NewId }): SpoolSink {
  return {
    name: "host events",
    store: async (tx, batches) => {
      const now = parts.clock.now();
      const all = batches.flatMap((batch) => batch.entries.map((entry) => ({ batch, entry })));
      const events = all.flatMap(({ batch, entry }): IdentifiedEvent[] => {
        if (entry.kind?.$case !== "event") return [];
        const event = entry.kind.value;
        const ahead = entry.at !== undefined && entry.at.getTime() > now.getTime() + FUTURE_LIMIT_MS;
        return [
          {
            id: parts.newId("evt"),
            organizationId: batch.organizationId,
            at: ahead || entry.at === undefined ? now : entry.at,
            recordedAt: now,
            type: event.type,
            message: ahead ? `${event.message} (the host's clock is ahead)` : event.message,
            severity: severityOf(event.severity),
            actor: "host",
            hostId: batch.hostId,
            stackId: event.stackId,
            containerId: event.containerId,
          },
        ];
      });
      // Ids made within one millisecond have no order; the list breaks ties of time by them.
      const ids = events.map((event) => event.id).toSorted();
      await recordEvents(
        tx,
        events.map((event, index) => ({ ...event, id: ids[index] ?? event.id })),
      );
    },
  };
}
