import type { Database, UnitOfWork } from "../platform/index.ts";
import { decodeChunk, encodeChunk } from "./codec.ts";
import { BUCKET_MS, kindOf, mergeSamples, type Samples, type Subject } from "./model.ts";
import {
  deleteRaw,
  insertRaw,
  layoutOf,
  namesOf,
  readChunks,
  takePending,
  upsertChunk,
  type PendingBucket,
  type StoredChunk,
} from "./store.ts";

// Batches of the bucket may still be on their way; a later one makes the bucket pending again.
const SETTLE_MS = 60_000;
const BUCKETS_AT_A_TIME = 200;

/**
 * Makes one chunk of what came for a bucket (5 minutes) that is over, and its average and maximum. A bucket that gets
 * late samples is done again. Returns whether there may be more to do.
 */
export async function compactSome(database: Database, now: number): Promise<boolean> {
  return database.asSystem(async (tx) => {
    const pending = await takePending(tx, new Date(now - BUCKET_MS - SETTLE_MS), BUCKETS_AT_A_TIME);
    for (const bucket of pending) await compact(tx, bucket);
    return pending.length === BUCKETS_AT_A_TIME;
  });
}

async function compact(tx: UnitOfWork, pending: PendingBucket): Promise<void> {
  const { organizationId, bucket } = pending;
  const subject: Subject = { hostId: pending.hostId, containerId: pending.containerId };
  const range = { from: bucket, to: new Date(bucket.getTime() + BUCKET_MS) };
  const chunks = await readChunks(tx, "metric_raw", subject, range);
  const samples = mergeSamples(await decodeAll(tx, subject, chunks));
  const [first] = samples.atMs;
  if (first === undefined) return;
  if (chunks.length > 1) {
    await deleteRaw(tx, subject, range);
    await insertRaw(tx, organizationId, [await chunkOf(tx, organizationId, subject, new Date(first), samples)]);
  }
  const rolled = await chunkOf(tx, organizationId, subject, bucket, rollUp(bucket.getTime(), samples));
  await upsertChunk(tx, "metric_5m", organizationId, rolled);
}

async function chunkOf(
  tx: UnitOfWork,
  organizationId: string,
  subject: Subject,
  at: Date,
  samples: Samples,
): Promise<StoredChunk> {
  const { names, bytes } = encodeChunk(kindOf(subject), samples);
  return { ...subject, at, layout: await layoutOf(tx, organizationId, names), bytes };
}

export async function decodeAll(tx: UnitOfWork, subject: Subject, chunks: readonly StoredChunk[]): Promise<Samples[]> {
  const layouts = await namesOf(
    tx,
    chunks.map((chunk) => chunk.layout),
  );
  return chunks.map(({ layout, bytes }) => decodeChunk(kindOf(subject), { names: layouts.get(layout) ?? [], bytes }));
}

/** Two samples: the averages at the bucket's begin, the maxima a millisecond later. */
export function rollUp(bucketMs: number, samples: Samples): Samples {
  const columns = [...samples.columns].map(([name, values]) => {
    const known = values.filter((value) => Number.isFinite(value));
    if (known.length === 0) return [name, [Number.NaN, Number.NaN]] as const;
    const average = known.reduce((sum, value) => sum + value, 0) / known.length;
    return [name, [average, known.reduce((most, value) => Math.max(most, value))]] as const;
  });
  return { atMs: [bucketMs, bucketMs + 1], columns: new Map(columns) };
}
