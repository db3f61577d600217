import { unpackSamples } from "@windflow/core";
import type { SampleBatch, SpoolEntry } from "@windflow/proto/agent";
import { recordEvent } from "../events/index.ts";
import { field, type Clock, type Log, type NewId, type UnitOfWork } from "../platform/index.ts";
import { encodeChunk } from "./codec.ts";
import { kindOf, splitByBucket, stepsOf, type Samples, type Subject } from "./model.ts";
import type { RecentSamples } from "./recent.ts";
import { insertPending, insertRaw, layoutOf, type StoredChunk } from "./store.ts";

/** Takes the samples out of what a spool brought, as part of the transaction that acknowledges it. */
export interface SamplesSink {
  readonly name: string;
  store(
    tx: UnitOfWork,
    batches: readonly { organizationId: string; hostId: string; spoolId: string; entries: SpoolEntry[] }[],
  ): Promise<void>;
}

// A host is not trusted to be modest: no real batch comes near these.
const MOST_SAMPLES = 2000;
const MOST_COLUMNS = 500;
const MOST_NAME_CHARACTERS = 200;
// A clock that is ahead by more must not write into the future, where nobody looks and retention does not reach.
const MOST_AHEAD_MS = 5 * 60_000;
// A person is told once in a while; every batch would be the same sentence.
const FLAG_EVERY_MS = 60 * 60_000;
export function createSamplesSink(parts: {
  readonly clock: Clock;
  readonly log: Log;
  readonly newId: NewId;
  readonly recent: RecentSamples;
  /** Nothing older is kept in any form. */
  readonly keptMs: number;
}): SamplesSink {
  const { clock, log, newId, recent, keptMs } = parts;
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
      const [first] = batches;
      if (first === undefined) return;
      await write(tx, first.organizationId, taken, now);
      await flag(tx, first.organizationId, taken, now);
      tx.afterCommit(() => {
        for (const { subject, samples } of taken) recent.add(subject, samples, now);
      });
    },
  };
}

interface Taken {
  readonly subject: Subject;
  readonly samples: Samples;
  /** How far its last sample was ahead of our clock, when that is too far. */
  readonly aheadMs: number;
}

function takeBatch(batch: SampleBatch, hostId: string, now: number, keptMs: number): Taken[] {
  const subject = { hostId, containerId: batch.containerId };
  const kind = kindOf(subject);
  const at = batch.atMs.slice(0, MOST_SAMPLES).map(Number);
  const last = at.at(-1);
  const rising = at.every((time, i) => Number.isSafeInteger(time) && (i === 0 || time > (at[i - 1] ?? 0)));
  if (last === undefined || !rising || last < now - keptMs) return [];
  const ahead = last - now > MOST_AHEAD_MS ? last - now : 0;
  const columns = unpackSamples(batch)
    .slice(0, MOST_COLUMNS)
    .filter(({ name }) => name.length <= MOST_NAME_CHARACTERS && stepsOf(kind, name) !== undefined)
    .map(({ name, values }) => [name, at.map((_, i) => values[i] ?? Number.NaN)] as const);
  // The distances between the samples stay true: the whole batch moves.
  return [{ subject, samples: { atMs: at.map((time) => time - ahead), columns: new Map(columns) }, aheadMs: ahead }];
}

async function write(tx: UnitOfWork, organizationId: string, taken: readonly Taken[], now: number): Promise<void> {
  const layouts = new Map<string, number>();
  const chunks: StoredChunk[] = [];
  const pending: (Subject & { bucket: Date })[] = [];
  for (const { subject, samples } of taken) {
    for (const part of splitByBucket(samples)) {
      const { names, bytes } = encodeChunk(kindOf(subject), part.samples);
      const key = names.join("\n");
      const layout = layouts.get(key) ?? (await layoutOf(tx, organizationId, names));
      layouts.set(key, layout);
      chunks.push({ ...subject, at: new Date(part.samples.atMs[0] ?? part.bucket), layout, bytes });
      pending.push({ ...subject, bucket: new Date(part.bucket) });
    }
  }
  await insertPending(tx, organizationId, pending, now);
  await insertRaw(tx, organizationId, chunks);
}
