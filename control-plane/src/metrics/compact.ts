import { field, type Database, type Log, type UnitOfWork } from "../platform/index.ts";
import { decodeChunk, encodeChunk } from "./codec.ts";
import { BUCKET_MS, kindOf, mergeSamples, type Samples, type Subject } from "./model.ts";
import { addSamples, statisticsAsSamples, statisticsFromSamples, statisticsOf, type Statistics } from "./statistics.ts";
import {
  deleteRaw,
  insertRaw,
  layoutOf,
  namesOf,
  readChunks,
  readRolled,
  takePending,
  upsertRolled,
  type PendingBucket,
  type RolledChunk,
  type StoredChunk,
} from "./store.ts";

// Batches of the bucket may still be on their way; a later one makes the bucket pending again.
const SETTLE_MS = 60_000;
const BUCKETS_AT_A_TIME = 200;

/**
 * Makes one chunk of what came for a bucket (5 minutes) that is over, and its statistics. A bucket that gets late
 * samples is done again; the same samples again change nothing. All or nothing of up to 200 buckets is done in one
 * transaction: who is killed in it leaves them to the next. Returns whether there may be more to do.
 */
export async function compactSome(database: Database, now: number, log: Log): Promise<boolean> {
  return database.asSystem(async (tx) => {
    const pending = await takePending(tx, new Date(now - BUCKET_MS - SETTLE_MS), BUCKETS_AT_A_TIME);
    for (const bucket of pending) await compact(tx, bucket, log);
    return pending.length === BUCKETS_AT_A_TIME;
  });
}

async function compact(tx: UnitOfWork, pending: PendingBucket, log: Log): Promise<void> {
  const { organizationId, bucket } = pending;
  const subject: Subject = { hostId: pending.hostId, containerId: pending.containerId };
  const range = { from: bucket, to: new Date(bucket.getTime() + BUCKET_MS) };
  const chunks = await readChunks(tx, "metric_raw", subject, range);
  const [rolled] = await readRolled(tx, subject, { from: bucket, to: new Date(bucket.getTime() + 1) });
  const layouts = await layoutsOf(tx, rolled === undefined ? chunks : [...chunks, rolled]);
  const read = readable(() => {
    const samples = mergeSamples(chunks.map((chunk) => decode(subject, chunk, layouts)));
    return { samples, known: rolled && decodeRolled(subject, rolled, layouts) };
  });
  if (read === undefined) {
    // One damaged chunk must not hold up all others; it stays where it is, and is what it was for who can read it.
    log.error({ [field.hostId]: pending.hostId, [field.area]: "metrics" }, "Stored samples cannot be read.");
    return;
  }
  const { samples, known } = read;
  const [first] = samples.atMs;
  if (first === undefined) return;
  if (chunks.length > 1) {
    await deleteRaw(tx, subject, range);
    const { names, bytes } = encodeChunk(kindOf(subject), samples);
    const layout = await layoutOf(tx, organizationId, names);
    await insertRaw(tx, organizationId, [{ ...subject, at: new Date(first), layout, bytes }]);
  }
  const statistics = known === undefined ? statisticsOf(bucket.getTime(), samples) : addSamples(known, samples);
  if (statistics !== known) await keep(tx, organizationId, subject, statistics);
}

async function keep(tx: UnitOfWork, organizationId: string, subject: Subject, statistics: Statistics): Promise<void> {
  const { names, bytes } = encodeChunk(kindOf(subject), statisticsAsSamples(kindOf(subject), statistics));
  const times = encodeChunk(kindOf(subject), { atMs: statistics.atMs ?? [], columns: new Map() }).bytes;
  const layout = await layoutOf(tx, organizationId, names);
  await upsertRolled(tx, organizationId, { ...subject, at: new Date(statistics.bucketMs), layout, bytes, times });
}

function readable<Result>(read: () => Result): Result | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}

type Layouts = ReadonlyMap<number, string[]>;

function layoutsOf(tx: UnitOfWork, chunks: readonly StoredChunk[]): Promise<Layouts> {
  return namesOf(
    tx,
    chunks.map((chunk) => chunk.layout),
  );
}

function decode(subject: Subject, { layout, bytes }: StoredChunk, layouts: Layouts): Samples {
  return decodeChunk(kindOf(subject), { names: layouts.get(layout) ?? [], bytes });
}

function decodeRolled(subject: Subject, chunk: RolledChunk, layouts: Layouts): Statistics {
  const times = chunk.times && decodeChunk(kindOf(subject), { names: [], bytes: chunk.times }).atMs;
  return statisticsFromSamples(kindOf(subject), decode(subject, chunk, layouts), times);
}

export async function decodeAll(tx: UnitOfWork, subject: Subject, chunks: readonly StoredChunk[]): Promise<Samples[]> {
  const layouts = await layoutsOf(tx, chunks);
  return chunks.map((chunk) => decode(subject, chunk, layouts));
}
