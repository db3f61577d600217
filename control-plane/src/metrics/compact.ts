import { field, type Database, type Log, type UnitOfWork } from "../platform/index.ts";
import { decodeChunk, encodeChunk } from "./codec.ts";
import { BUCKET_MS, kindOf, mergeSamples, type Samples, type Subject } from "./model.ts";
import { addSamples, statisticsAsSamples, statisticsFromSamples, statisticsOf, type Statistics } from "./statistics.ts";
import { insertRaw, layoutOf, namesOf, takePending, type PendingBucket, type StoredChunk } from "./store.ts";
import {
  deleteRawOfBuckets,
  readRawOfBuckets,
  readRolledOfBuckets,
  upsertRolled,
  type RolledChunk,
} from "./store-buckets.ts";

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
    if (pending.length > 0) await compact(tx, pending, log);
    return pending.length === BUCKETS_AT_A_TIME;
  });
}

/** What a bucket comes to; `samples` where its chunks have to become one. */
interface Compacted {
  readonly pending: PendingBucket;
  readonly samples: Samples | undefined;
  readonly statistics: Statistics | undefined;
}

async function compact(tx: UnitOfWork, pending: readonly PendingBucket[], log: Log): Promise<void> {
  const chunks = Map.groupBy(await readRawOfBuckets(tx, pending), ({ number }) => number);
  const rolled = new Map((await readRolledOfBuckets(tx, pending)).map((row) => [row.number, row.chunk]));
  const layouts = await layoutsOf(tx, [...[...chunks.values()].flat().map(({ chunk }) => chunk), ...rolled.values()]);
  const done = pending.flatMap((bucket, number) => {
    const raw = (chunks.get(number) ?? []).map(({ chunk }) => chunk);
    const result = readable(() => compactOne(bucket, raw, rolled.get(number), layouts));
    if (result !== undefined) return [result];
    // One damaged chunk must not hold up all others; it stays where it is, and is what it was for who can read it.
    log.error({ [field.hostId]: bucket.hostId, [field.area]: "metrics" }, "Stored samples cannot be read.");
    return [];
  });
  const merged = done.filter(({ samples }) => samples !== undefined);
  await deleteRawOfBuckets(
    tx,
    merged.map((one) => one.pending),
  );
  for (const [organizationId, ofOrganization] of Map.groupBy(done, (one) => one.pending.organizationId)) {
    await write(tx, organizationId, ofOrganization);
  }
}

function compactOne(
  pending: PendingBucket,
  chunks: readonly StoredChunk[],
  rolled: RolledChunk | undefined,
  layouts: Layouts,
): Compacted {
  const samples = mergeSamples(chunks.map((chunk) => decode(pending, chunk, layouts)));
  if (samples.atMs.length === 0) return { pending, samples: undefined, statistics: undefined };
  const known = rolled && decodeRolled(pending, rolled, layouts);
  const all = known === undefined ? statisticsOf(pending.bucket.getTime(), samples) : addSamples(known, samples);
  return {
    pending,
    samples: chunks.length > 1 ? samples : undefined,
    statistics: all === known ? undefined : all,
  };
}

async function write(tx: UnitOfWork, organizationId: string, done: readonly Compacted[]): Promise<void> {
  const numbers = new Map<string, number>();
  const stored = async (subject: Subject, at: number, samples: Samples): Promise<StoredChunk> => {
    const { names, bytes } = encodeChunk(kindOf(subject), samples);
    const key = names.join("\n");
    const layout = numbers.get(key) ?? (await layoutOf(tx, organizationId, names));
    numbers.set(key, layout);
    return { hostId: subject.hostId, containerId: subject.containerId, at: new Date(at), layout, bytes };
  };
  const raw: StoredChunk[] = [];
  const rolled: RolledChunk[] = [];
  for (const { pending, samples, statistics } of done) {
    if (samples !== undefined) raw.push(await stored(pending, samples.atMs[0] ?? 0, samples));
    if (statistics === undefined) continue;
    const kind = kindOf(pending);
    const times = encodeChunk(kind, { atMs: statistics.atMs ?? [], columns: new Map() }).bytes;
    rolled.push({ ...(await stored(pending, statistics.bucketMs, statisticsAsSamples(kind, statistics))), times });
  }
  await insertRaw(tx, organizationId, raw);
  await upsertRolled(tx, organizationId, rolled);
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
