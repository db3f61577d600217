import { SpoolEntry } from "@windflow/proto/agent";
import type { Clock } from "../platform/clock.ts";
import type { SessionLink } from "../session/session.ts";
import { BATCH_BYTES, createSendWindow } from "./send-window.ts";
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

  const pump = (): void => {
    while (!link.ended.aborted && unanswered.reduce((sum, batch) => sum + batch.bytes, 0) < window.bytes) {
      const records = spool.read(sent, BATCH_BYTES);
      const last = records.at(-1)?.sequence;
      if (last === undefined) return;
      const entries = records.map(({ sequence, payload }) => ({ ...SpoolEntry.decode(payload), sequence }));
      const value = { spoolId: spool.spoolId, entries, dropped: spool.dropped };
      if (!link.send({ $case: "spoolBatch", value })) return;
      sent = last;
      const bytes = records.reduce((sum, record) => sum + record.payload.length, 0);
      unanswered.push({ last, bytes, sentAt: clock.now() });
    }
  };
  pump();
  return {
    pump,
    acknowledged: (spoolId, sequence) => {
      if (spoolId !== spool.spoolId) return;
      while (unanswered[0] !== undefined && unanswered[0].last <= sequence) {
        window.answered(clock.now() - unanswered[0].sentAt);
        unanswered.shift();
      }
      spool.acknowledge(sequence);
      pump();
    },
  };
}
