import { SpoolEntry } from "@windflow/proto/agent";
import type { Clock } from "../platform/clock.ts";
import type { SessionLink } from "../session/session.ts";
import { BATCH_BYTES, BATCHES_ON_THE_WAY, createSendWindow } from "./send-window.ts";
import type { Spool } from "./spool.ts";

/** Sends the spool over one session, from where the control plane stands. */
export interface SpoolSender {
  acknowledged(spoolId: string, sequence: bigint): void;
  /** More is on disk. */
  pump(): void;
}

interface SentBatch {
  readonly last: bigint;
  readonly bytes: number;
  readonly sentAt: number;
  /** Its answer comes with that to a later one, and says nothing of the road. */
  readonly ackLater: boolean;
}

/** @param acknowledged what the control plane has of this spool, from Welcome. */
export async function startSpoolSender(
  spool: Spool,
  link: SessionLink,
  acknowledged: bigint,
  clock: Clock,
): Promise<SpoolSender> {
  let sent = acknowledged;
  if (acknowledged > spool.durable) {
    await spool.renew();
    sent = 0n;
  }
  spool.acknowledge(sent);
  const window = createSendWindow();
  const unanswered: SentBatch[] = [];

  const hasRoom = (): boolean =>
    unanswered.length < BATCHES_ON_THE_WAY && unanswered.reduce((sum, batch) => sum + batch.bytes, 0) < window.bytes;
  // What a host has to tell is acknowledged at once; figures that nothing waits behind may wait for the next ones.
  const waives = (entries: readonly SpoolEntry[]): boolean =>
    unanswered.length === 0 && entries.every(({ kind }) => kind?.$case === "samples") && link.waivesAnswer();
  const pump = (): void => {
    while (!link.ended.aborted && hasRoom()) {
      const records = spool.read(sent, BATCH_BYTES);
      const last = records.at(-1)?.sequence;
      if (last === undefined) return;
      const entries = records.map(({ sequence, payload }) => ({ ...SpoolEntry.decode(payload), sequence }));
      const ackLater = last === spool.durable && waives(entries);
      const value = { spoolId: spool.spoolId, entries, dropped: spool.dropped, ...(ackLater ? { ackLater } : {}) };
      if (!link.send({ $case: "spoolBatch", value })) return;
      sent = last;
      const bytes = records.reduce((sum, record) => sum + record.payload.length, 0);
      unanswered.push({ last, bytes, sentAt: clock.now(), ackLater });
    }
  };
  pump();
  return {
    pump,
    acknowledged: (spoolId, sequence) => {
      if (spoolId !== spool.spoolId) return;
      while (unanswered[0] !== undefined && unanswered[0].last <= sequence) {
        if (!unanswered[0].ackLater) window.answered(clock.now() - unanswered[0].sentAt);
        unanswered.shift();
      }
      spool.acknowledge(sequence);
      pump();
    },
  };
}
