import { randomUUID } from "node:crypto";
import { BATCHES_ON_THE_WAY } from "@windflow/agent/send-window";
import type { SpoolBatch, SpoolEntry } from "@windflow/proto/agent";

/** What a host keeps until it is acknowledged, in memory; otherwise as the agent's. */
export interface FakeSpool {
  readonly id: string;
  add(kind: NonNullable<SpoolEntry["kind"]>): void;
  /** The next batch; undefined while nothing waits, or as much is on its way as may be. */
  next(waivesAnswer: () => boolean): SpoolBatch | undefined;
  acknowledged(sequence: bigint): void;
  /** A new session goes on after what is stored. */
  rewind(acknowledged: bigint): void;
  /** Entries that were made, acknowledged, and dropped because the spool was full. */
  counts(): { made: number; acknowledged: number; dropped: number; waiting: number };
}

const ENTRIES_PER_BATCH = 64;
// An hour of figures of a host with two containers.
const KEPT = 480;

export function createFakeSpool(): FakeSpool {
  const id = randomUUID();
  let entries: SpoolEntry[] = [];
  let sequence = 0n;
  let sent = 0n;
  let dropped = 0n;
  let acknowledgedCount = 0;
  const onTheWay: bigint[] = [];

  function acknowledged(until: bigint): void {
    const left = entries.filter((entry) => entry.sequence > until);
    acknowledgedCount += entries.length - left.length;
    entries = left;
    while (onTheWay.length > 0 && (onTheWay[0] ?? 0n) <= until) onTheWay.shift();
  }

  return {
    id,
    add: (kind) => {
      sequence += 1n;
      entries.push({ sequence, at: new Date(), kind });
      if (entries.length <= KEPT) return;
      entries.shift();
      dropped += 1n;
    },
    next: (waivesAnswer) => {
      if (onTheWay.length >= BATCHES_ON_THE_WAY) return undefined;
      const batch = entries.filter((entry) => entry.sequence > sent).slice(0, ENTRIES_PER_BATCH);
      const last = batch.at(-1);
      if (last === undefined) return undefined;
      sent = last.sequence;
      const ackLater = onTheWay.length === 0 && sent === sequence && waivesAnswer();
      onTheWay.push(sent);
      return { spoolId: id, entries: batch, dropped, ...(ackLater ? { ackLater } : {}) };
    },
    acknowledged,
    rewind: (until) => {
      onTheWay.length = 0;
      acknowledged(until);
      sent = until;
    },
    counts: () => ({
      made: Number(sequence),
      acknowledged: acknowledgedCount,
      dropped: Number(dropped),
      waiting: entries.length,
    }),
  };
}
