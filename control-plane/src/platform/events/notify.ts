import type { EventEnvelope } from "./bus.ts";

export const NOTIFY_CHANNEL = "windflow_events";
// PostgreSQL refuses payloads of 8,000 bytes and more.
const PAYLOAD_BYTES = 7500;

/** The events of one unit of work as texts for NOTIFY: as few as fit. Throws for an event that carries more than ids. */
export function notifyPayloads(replicaId: string, events: readonly EventEnvelope[]): string[] {
  const texts: string[] = [];
  let batch: EventEnvelope[] = [];
  for (const event of events) {
    if (size(replicaId, [event]) > PAYLOAD_BYTES)
      throw new RangeError(`the event ${event.name} is too large: send ids only`);
    if (size(replicaId, [...batch, event]) > PAYLOAD_BYTES) {
      texts.push(encode(replicaId, batch));
      batch = [];
    }
    batch.push(event);
  }
  return batch.length === 0 ? texts : [...texts, encode(replicaId, batch)];
}

/** The reverse of `notifyPayloads`; undefined for a text that is not ours. */
export function parseNotify(text: string): { replicaId: string; events: EventEnvelope[] } | undefined {
  try {
    const parsed: unknown = JSON.parse(text);
    if (!Array.isArray(parsed) || typeof parsed[0] !== "string") return undefined;
    const events = parsed.slice(1).flatMap((item: unknown): EventEnvelope[] => {
      if (!Array.isArray(item) || typeof item[0] !== "string" || typeof item[1] !== "object" || item[1] === null)
        return [];
      return [{ name: item[0], payload: item[1] as object }];
    });
    return { replicaId: parsed[0], events };
  } catch {
    return undefined;
  }
}

const encode = (replicaId: string, events: readonly EventEnvelope[]): string =>
  JSON.stringify([replicaId, ...events.map((event) => [event.name, event.payload])]);
const size = (replicaId: string, events: readonly EventEnvelope[]): number =>
  Buffer.byteLength(encode(replicaId, events));
