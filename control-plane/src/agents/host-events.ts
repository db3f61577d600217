import { recordEvents, severityOf, type IdentifiedEvent } from "../events/index.ts";
import type { Clock, NewId } from "../platform/index.ts";
import type { SpoolSink } from "./ports.ts";
import { controlPlaneTimes } from "./skew.ts";

/** Takes the engine's events out of the spool and into the history, in our time. */
export function hostEventsSink(parts: { clock: Clock; newId: NewId }): SpoolSink {
  return {
    name: "host events",
    store: async (tx, batches) => {
      const now = parts.clock.now();
      // Nearly always figures are all that there is.
      const telling = batches.filter(({ entries }) => entries.some(({ kind }) => kind?.$case === "event"));
      if (telling.length === 0) return;
      const all = telling.flatMap((batch) => {
        const times = controlPlaneTimes(
          batch.entries.map((entry) => entry.at?.getTime()),
          batch.clockSkewMs,
          now.getTime(),
        );
        return batch.entries.map((entry, i) => ({ batch, entry, at: new Date(times[i] ?? now.getTime()) }));
      });
      const events = all.flatMap(({ batch, entry, at }): IdentifiedEvent[] => {
        if (entry.kind?.$case !== "event") return [];
        const event = entry.kind.value;
        return [
          {
            id: parts.newId("evt"),
            organizationId: batch.organizationId,
            at,
            recordedAt: now,
            type: event.type,
            message: event.message,
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
