import type { SampleBatch, SpoolEntry } from "@windflow/proto/agent";
import { recordEvent } from "../events/index.ts";
import { field, type Clock, type Log, type NewId, type UnitOfWork } from "../platform/index.ts";
import { hasColumns, storedBatch, timesOf } from "./batches.ts";
import type { Subject } from "./model.ts";
import type { RecentSamples } from "./recent.ts";
import { insertIntake } from "./store-intake.ts";
import type { SubjectNumbers } from "./subjects.ts";

/** Takes the samples out of what a spool brought, as part of the transaction that acknowledges it. */
export interface SamplesSink {
  readonly name: string;
  store(
    tx: UnitOfWork,
    batches: readonly { organizationId: string; hostId: string; spoolId: string; entries: SpoolEntry[] }[],
  ): Promise<void>;
}

// A clock that is ahead by more must not write into the future, where nobody looks and retention does not reach.
const MOST_AHEAD_MS = 5 * 60_000;
// A person is told once in a while; every batch would be the same sentence.
const FLAG_EVERY_MS = 60 * 60_000;
const MOST_ID_CHARACTERS = 128;

export function createSamplesSink(parts: {
  readonly clock: Clock;
  readonly log: Log;
  readonly newId: NewId;
  readonly recent: RecentSamples;
  readonly numbers: SubjectNumbers;
  /** Nothing older is kept in any form. */
  readonly keptMs: number;
}): SamplesSink {
  const { clock, log, newId, recent, numbers, keptMs } = parts;
  // By host, when it was last told that its clock is ahead.
  const flagged = new Map<string, number>();

  async function flag(tx: UnitOfWork, organizationId: string, taken: readonly Taken[], now: number): Promise<void> {
    const ahead = taken.filter(({ subject, aheadMs }) => {
      return aheadMs > 0 && now - (flagged.get(subject.hostId) ?? 0) >= FLAG_EVERY_MS;
    });
    for (const [hostId, aheadMs] of new Map(ahead.map((one) => [one.subject.hostId, one.aheadMs]))) {
      // Not before: a transaction that is tried again has to tell it again.
      tx.afterCommit(() => void flagged.set(hostId, now));
      const seconds = Math.round(aheadMs / 1000);
      log.warn({ [field.hostId]: hostId, [field.count]: seconds }, "Samples came from the future and were put at now.");
      await recordEvent(tx, {
        id: newId("evt"),
        organizationId,
        at: new Date(now),
        type: "host.clock-ahead",
        message: `The host's clock is ${seconds} s ahead; its figures are put at the time they came. Set its clock.`,
        severity: "warning",
        actor: "system",
        hostId,
      });
    }
  }

  return {
    name: "samples",
    store: async (tx, batches) => {
      const now = clock.now().getTime();
      const taken = batches.flatMap(({ hostId, entries }) =>
        entries.flatMap(({ kind }) => (kind?.$case === "samples" ? takeBatch(kind.value, hostId, now, keptMs) : [])),
      );
      const organizationId = batches[0]?.organizationId;
      if (organizationId === undefined || taken.length === 0) return;
      const subjects = taken.map(({ subject }) => subject);
      const subjectNumbers = await numbers.of(tx, organizationId, subjects);
      const rows = taken.map(({ lastAtMs, bytes }, i) => ({
        organizationId,
        subject: subjectNumbers[i] ?? 0,
        at: new Date(lastAtMs),
        batch: bytes,
      }));
      await insertIntake(tx, rows);
      await flag(tx, organizationId, taken, now);
      tx.afterCommit(() => {
        for (const { subject, bytes, lastAtMs, spanMs } of taken) recent.add(subject, bytes, { lastAtMs, spanMs }, now);
      });
    },
  };
}

interface Taken {
  readonly subject: Subject;
  /** As it is stored. */
  readonly bytes: Uint8Array;
  /** Of its last sample, in our time. */
  readonly lastAtMs: number;
  /** From its first sample to its last. */
  readonly spanMs: number;
  /** How far its last sample was ahead of our clock, when that is too far. */
  readonly aheadMs: number;
}

function takeBatch(batch: SampleBatch, hostId: string, now: number, keptMs: number): Taken[] {
  const subject = { hostId, containerId: batch.containerId };
  if (batch.containerId.length > MOST_ID_CHARACTERS) return [];
  // Stored as it came; its figures are read when they are rolled up or shown, not for each batch.
  const atMs = timesOf(batch);
  const last = atMs?.at(-1) ?? 0;
  const first = atMs?.[0] ?? 0;
  if (atMs === undefined || first < now - keptMs || !hasColumns(batch)) return [];
  // The distances between the samples stay true: the whole batch moves.
  const aheadMs = last - now > MOST_AHEAD_MS ? last - now : 0;
  return [{ subject, bytes: storedBatch(batch, aheadMs), lastAtMs: last - aheadMs, spanMs: last - first, aheadMs }];
}
