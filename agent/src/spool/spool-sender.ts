import { SpoolEntry } from "@windflow/proto/agent";
import type { SessionLink } from "../session/session.ts";
import type { Spool } from "./spool.ts";

/** Small enough to share a slow link with heartbeats, large enough that a day's backlog takes few round trips. */
const BATCH_BYTES = 256 * 1024;
/** Enough to keep a link with a long round trip busy; bounds what a session holds in memory. */
const MAX_UNACKNOWLEDGED = 4;

/** Sends the spool over one session, from where the control plane stands. */
export interface SpoolSender {
  acknowledged(spoolId: string, sequence: bigint): void;
  /** More is on disk. */
  pump(): void;
}

/** @param acknowledged what the control plane has of this spool, from Welcome. */
export async function startSpoolSender(spool: Spool, link: SessionLink, acknowledged: bigint): Promise<SpoolSender> {
  let sent = acknowledged;
  if (acknowledged > spool.durable) {
    await spool.renew();
    sent = 0n;
  }
  spool.acknowledge(sent);
  const unacknowledged: bigint[] = [];

  const pump = (): void => {
    while (unacknowledged.length < MAX_UNACKNOWLEDGED && !link.ended.aborted) {
      const records = spool.read(sent, BATCH_BYTES);
      const last = records.at(-1)?.sequence;
      if (last === undefined) return;
      const entries = records.map(({ sequence, payload }) => ({ ...SpoolEntry.decode(payload), sequence }));
      const value = { spoolId: spool.spoolId, entries, dropped: spool.dropped };
      if (!link.send({ $case: "spoolBatch", value })) return;
      sent = last;
      unacknowledged.push(last);
    }
  };
  pump();
  return {
    pump,
    acknowledged: (spoolId, sequence) => {
      if (spoolId !== spool.spoolId) return;
      while ((unacknowledged[0] ?? sequence + 1n) <= sequence) unacknowledged.shift();
      spool.acknowledge(sequence);
      pump();
    },
  };
}
