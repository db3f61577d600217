import type { EventEnvelope } from "./bus.ts";

export const NOTIFY_CHANNEL = "windflow_events";
// PostgreSQL refuses payloads of 8,000 bytes and more.
const PAYLOAD_BYTES = 7500;
const BRACKETS = 2;

/** The events of one unit of work as texts for NOTIFY: as few as fit. Throws for an event that carries more than ids. */
export function notifyPayloads(replicaId: string, events: readonly EventEnvelope[]): string[] {
  const head = JSON.stringify(replicaId);
  const empty = Buffer.byteLength(head) + BRACKETS;
  const texts: string[] = [];
  let batch = "";
  let bytes = empty;
  for (const { name, payload } of events) {
    const event = `,${JSON.stringify([name, payload])}`;
    const more = Buffer.byteLength(event);
    if (empty + more > PAYLOAD_BYTES) throw new RangeError(`the event ${name} is too large: send ids only`);
    if (bytes + more > PAYLOAD_BYTES) {
      texts.push(`[${head}${batch}]`);
      batch = "";
      bytes = empty;
    }
    batch += event;
    bytes += more;
  }
  return batch === "" ? texts : [...texts, `[${head}${batch}]`];
}

/** True for a text that this replica sent itself: what is in it need not be read. */
export function isOwnNotify(text: string, replicaId: string): boolean {
  return text.startsWith(`[${JSON.stringify(replicaId)},`);
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
