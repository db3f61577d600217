import { field, type Breathe, type Database, type Log, type UnitOfWork } from "../platform/index.ts";
import { batchBytes, samplesOfStored } from "./batches.ts";
import { encodeChunk } from "./codec.ts";
import { layoutsOf, namesOf } from "./layouts.ts";
import {
  bucketOf,
  BUCKETS_KEPT_MS,
  cutAt,
  HALF_MS,
  kindOf,
  mergeSamples,
  RAW_KEPT_MS,
  splitByBucket,
  type Samples,
} from "./model.ts";
import { markHalves } from "./store-halves.ts";
import {
  closeSlot,
  freeSlots,
  insertIntake,
  moveLane,
  readLane,
  readSubjectsOf,
  takeLane,
  type IntakeRow,
  type Lane,
} from "./store-intake.ts";
import { insertSamples, readTierAt, type SampleChunk, type Tier } from "./store-tiers.ts";
import { addSamples, statisticsOf, type Statistics } from "./statistics.ts";
import { subjectsByNumber, type NumberedSubject } from "./subjects.ts";
import { statisticsOfRow, writeColumns, writeRows, type Changed } from "./tier-rows.ts";

// Batches of a bucket may still be on their way when it is over: containers are sent each half minute.
const SETTLE_MS = 45_000;
// Batches of so many are in memory at the same time.
const SUBJECTS_OF_A_SLICE = 50;
// A transaction of a fifth of a second, and a second or so with its rests; what it writes by column has the figures of all its subjects in a row.
const SLICES = 4;

/** Closes what came until now, so that it can be rolled up; only once for each five minutes. */
export async function closeIntake(database: Database, now: number): Promise<void> {
  await database.asSystem((tx) => closeSlot(tx, new Date(bucketOf(now - SETTLE_MS))));
}

/**
 * Rolls up some subjects of what was closed: their samples become a chunk for each five minutes, with statistics of it. One
 * transaction, which also says how far it came: who is killed in it leaves it to the next. Returns whether there may be more to do.
 * @param breathe awaited between subjects
 */
export async function rollUpSome(database: Database, now: number, log: Log, breathe: Breathe): Promise<boolean> {
  const went = await database.asSystem(async (tx) => {
    const lane = await takeLane(tx);
    if (lane === undefined) return false;
    const work: Work = { lane, now, log, breathe, carried: [], changed: { metric_halves: [], metric_buckets: [] } };
    const left = await subjectsLeft(tx, database, lane);
    const subjects = left.slice(0, SUBJECTS_OF_A_SLICE * SLICES);
    for (let from = 0; from < subjects.length; from += SUBJECTS_OF_A_SLICE) {
      const rows = await readLane(tx, lane, subjects.slice(from, from + SUBJECTS_OF_A_SLICE));
      await rollUp(
        tx,
        work,
        Map.groupBy(rows, ({ subject }) => subject),
      );
    }
    for (const tier of TIERS) await writeColumns(tx, tier, work.changed[tier], breathe);
    // Last: from here on until the commit no slot can be closed, and who stores waits behind whoever tries to.
    await insertIntake(tx, work.carried);
    await moveLane(tx, lane, left.length > subjects.length ? subjects.at(-1) : undefined);
    return true;
  });
  if (!went) await database.asSystem((tx) => freeSlots(tx));
  return went;
}

// What is in a closed slot does not change: its subjects are read once.
const subjectsOfSlot = new WeakMap<Database, { readonly slot: string; readonly subjects: readonly number[] }>();

async function subjectsLeft(tx: UnitOfWork, database: Database, lane: Lane): Promise<number[]> {
  let known = subjectsOfSlot.get(database);
  if (known?.slot !== lane.slot) {
    known = { slot: lane.slot, subjects: await readSubjectsOf(tx, lane) };
    subjectsOfSlot.set(database, known);
  }
  return known.subjects.filter((subject) => subject > lane.cursor && subject % lane.lanes === lane.lane);
}

interface Work {
  readonly lane: Lane;
  readonly now: number;
  readonly log: Log;
  readonly breathe: Breathe;
  /** What came for later, and goes into the slot that is open. */
  readonly carried: IntakeRow[];
  /** Statistics that were written by subject, and not by column yet. */
  readonly changed: Record<Tier, Changed[]>;
}

/** Samples of one subject, before the cutoff. */
interface Came {
  readonly subject: NumberedSubject;
  readonly samples: Samples;
}

async function rollUp(
  tx: UnitOfWork,
  work: Work,
  batches: ReadonlyMap<number, readonly { batch: Buffer }[]>,
): Promise<void> {
  const subjects = await subjectsByNumber(tx, [...batches.keys()]);
  const came: Came[] = [];
  for (const [number, rows] of batches) {
    await work.breathe();
    const subject = subjects.get(number);
    // Forgotten with its host while its last batches were on their way.
    if (subject === undefined) continue;
    const all = mergeSamples(rows.flatMap(({ batch }) => readBatch(work, subject, batch)));
    const [samples, later] = cutAt(all, work.lane.cutoff.getTime());
    if (samples.atMs.length > 0) came.push({ subject, samples });
    if (later.atMs.length > 0) {
      const at = new Date(later.atMs.at(-1) ?? 0);
      work.carried.push({ organizationId: subject.organizationId, subject: number, at, batch: batchBytes(later) });
    }
  }
  await writeSamples(tx, work, came);
  // Before statistics are read: who makes half hours of them waits, or does it again.
  await markHalves(
    tx,
    came.flatMap(({ subject, samples }) => halvesOf(samples).map((at) => ({ subject, at }))),
  );
  // What is older than statistics of five minutes are kept goes into those of half an hour at once.
  const limit = bucketOf(work.now - BUCKETS_KEPT_MS, HALF_MS);
  const parts = came.map(({ subject, samples }) => ({ subject, parts: cutAt(samples, limit) }));
  const old = parts.map(({ subject, parts: [samples] }) => ({ subject, samples }));
  const recent = parts.map(({ subject, parts: [, samples] }) => ({ subject, samples }));
  await add(tx, work, "metric_halves", old);
  await add(tx, work, "metric_buckets", recent);
}

const halvesOf = ({ atMs }: Samples): Date[] =>
  [...new Set(atMs.map((at) => bucketOf(at, HALF_MS)))].map((halfMs) => new Date(halfMs));

function readBatch({ log }: Work, subject: NumberedSubject, batch: Buffer): Samples[] {
  try {
    const samples = samplesOfStored(kindOf(subject), batch);
    return samples === undefined || samples.columns.size === 0 ? [] : [samples];
  } catch {
    // One damaged batch must not hold up all others.
    log.error(
      { [field.hostId]: subject.hostId, [field.area]: "metrics" },
      "Stored samples cannot be read; they are left out.",
    );
    return [];
  }
}

async function writeSamples(tx: UnitOfWork, { lane, now, breathe }: Work, came: readonly Came[]): Promise<void> {
  const layouts = layoutsOf(tx);
  const rows: SampleChunk[] = [];
  for (const { subject, samples } of came) {
    await breathe();
    const [, kept] = cutAt(samples, now - RAW_KEPT_MS);
    if (kept.atMs.length === 0) continue;
    for (const part of splitByBucket(kept)) {
      const { names, bytes } = encodeChunk(kindOf(subject), part.samples);
      const layout = await layouts.numberOf(subject.organizationId, names);
      const at = new Date(part.samples.atMs[0] ?? part.bucket);
      rows.push({ organizationId: subject.organizationId, subject: subject.number, at, layout, chunk: bytes });
    }
  }
  await insertSamples(tx, lane.slot, rows);
}

const TIERS: readonly Tier[] = ["metric_halves", "metric_buckets"];
const WIDTHS: Partial<Record<Tier, number>> = { metric_halves: HALF_MS };

/** Adds samples to the statistics of their buckets, by subject. */
async function add(
  tx: UnitOfWork,
  { log, breathe, changed: all }: Work,
  tier: Tier,
  came: readonly Came[],
): Promise<void> {
  const parts = came
    .filter(({ samples }) => samples.atMs.length > 0)
    .flatMap(({ subject, samples }) => splitByBucket(samples, WIDTHS[tier]).map((part) => ({ subject, ...part })));
  if (parts.length === 0) return;
  const places = parts.map(({ subject, bucket }) => ({ subject: subject.number, at: new Date(bucket) }));
  const stored = await readTierAt(tx, tier, places);
  const names = await namesOf(
    tx,
    stored.map(({ layout }) => layout),
  );
  const known = new Map(stored.map((row) => [`${row.subject} ${row.at.getTime()}`, row]));
  const statisticsWith = ({ subject, bucket, samples }: (typeof parts)[number]): Statistics | undefined => {
    const row = known.get(`${subject.number} ${bucket}`);
    if (row === undefined) return statisticsOf(bucket, samples);
    try {
      const before = statisticsOfRow(kindOf(subject), row, names.get(row.layout) ?? []);
      const after = addSamples(before, samples);
      return after === before ? undefined : after;
    } catch {
      log.error(
        { [field.hostId]: subject.hostId, [field.area]: "metrics" },
        "Stored statistics cannot be read; they are made anew.",
      );
      return statisticsOf(bucket, samples);
    }
  };
  const changed: Changed[] = [];
  for (const part of parts) {
    await breathe();
    const statistics = statisticsWith(part);
    if (statistics !== undefined) changed.push({ subject: part.subject, statistics });
  }
  await writeRows(tx, tier, changed, breathe);
  all[tier].push(...changed);
}
