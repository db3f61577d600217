import type { Clock, UnitOfWork } from "../platform/index.ts";
import { samplesOfStored } from "./batches.ts";
import { decodeChunk } from "./codec.ts";
import { namesOf } from "./layouts.ts";
import {
  bucketOf,
  BUCKETS_KEPT_MS,
  HALF_MS,
  kindOf,
  mergeSamples,
  RAW_KEPT_MS,
  type Samples,
  type Subject,
} from "./model.ts";
import { downSample, shownColumns, type ShownSeries, type Weighted } from "./shape.ts";
import { readMarks } from "./store-halves.ts";
import { readIntake } from "./store-intake.ts";
import { readTier, type Tier, type TierRow, type TimeRange } from "./store-tiers.ts";
import { findSubjects, type NumberedSubject } from "./subjects.ts";
import { averagesOfRows } from "./tier-rows.ts";

export interface MetricsQuery {
  readonly from: Date | undefined;
  readonly to: Date | undefined;
  /** 0 means the default. */
  readonly maxPoints: number;
}

const DEFAULT_RANGE_MS = 60 * 60_000;
const DEFAULT_POINTS = 400;
// Beyond this many points the averages of 5 minutes are fine enough, and a thousand times less to read.
const RAW_RANGE_MS = 6 * 60 * 60_000;
// Statistics are made a minute after their 5 minutes are over, and a replica may be busy.
const RAW_TAIL_MS = 30 * 60_000;
// Of one subject three months of five minutes: no real answer comes near it.
const MOST_ROWS = 25_000;

export async function queryMetrics(
  tx: UnitOfWork,
  subject: Subject,
  query: MetricsQuery,
  { clock, keptMs }: { readonly clock: Clock; readonly keptMs: number },
): Promise<ShownSeries> {
  const now = clock.now().getTime();
  const toMs = query.to?.getTime() ?? now;
  const fromMs = Math.max(query.from?.getTime() ?? toMs - DEFAULT_RANGE_MS, now - keptMs);
  const [found] = await findSubjects(tx, [subject]);
  if (fromMs >= toMs || found === undefined) return { atMs: [], stepMs: 0, columns: [] };
  const parts = await readParts(tx, found, fromMs, toMs, now);
  const { atMs, stepMs, columns } = downSample(parts, { fromMs, toMs }, query.maxPoints || DEFAULT_POINTS);
  return { atMs, stepMs, columns: shownColumns(kindOf(subject), columns) };
}

/**
 * Samples where they are kept and wanted so fine; else averages of five minutes, and of half an hour for what is older. What
 * is not rolled up yet comes first: it is rolled up while this reads, and is then there twice instead of not at all.
 */
async function readParts(
  tx: UnitOfWork,
  subject: NumberedSubject,
  fromMs: number,
  toMs: number,
  now: number,
): Promise<Weighted[]> {
  const samplesFrom = bucketOf(toMs - fromMs > RAW_RANGE_MS ? now - RAW_TAIL_MS : now - RAW_KEPT_MS);
  const bucketsFrom = bucketOf(now - BUCKETS_KEPT_MS, HALF_MS) + HALF_MS;
  const came = await readCame(tx, subject);
  const samples = await readSamples(tx, subject, Math.max(fromMs, samplesFrom), toMs);
  const averages =
    fromMs >= samplesFrom
      ? []
      : await readAverages(tx, subject, { fromMs, bucketsFrom, toMs: Math.min(toMs, samplesFrom) });
  return [...averages, { samples: mergeSamples([...samples, ...lateOf(came, averages)]), counts: undefined }];
}

/** What is not rolled up yet, but for what is in the averages: late samples are added to those with the next roll-up. */
function lateOf(came: readonly Samples[], averages: readonly Weighted[]): Samples[] {
  if (averages.length === 0) return [...came];
  const done = new Set(averages.flatMap(({ samples }) => samples.atMs));
  return came.filter(({ atMs }) => !done.has(bucketOf(atMs[0] ?? 0)) && !done.has(bucketOf(atMs[0] ?? 0, HALF_MS)));
}

/** Samples of the subject that are not rolled up yet. */
async function readCame(tx: UnitOfWork, subject: NumberedSubject): Promise<Samples[]> {
  const rows = await readIntake(tx, [subject.number], MOST_ROWS);
  return rows.flatMap(({ batch }) => samplesOfStored(kindOf(subject), batch) ?? []);
}

/** Samples in the chunks whose buckets the time touches. */
async function readSamples(tx: UnitOfWork, subject: NumberedSubject, fromMs: number, toMs: number): Promise<Samples[]> {
  const range = { from: new Date(bucketOf(fromMs)), to: new Date(toMs) };
  const rows = await readTier(tx, "metric_samples", [subject.number], range, MOST_ROWS);
  const names = await namesOf(
    tx,
    rows.map(({ layout }) => layout),
  );
  return rows.map(({ layout, chunk }) =>
    decodeChunk(kindOf(subject), { names: names.get(layout) ?? [], bytes: chunk }),
  );
}

async function readAverages(
  tx: UnitOfWork,
  subject: NumberedSubject,
  { fromMs, bucketsFrom, toMs }: { fromMs: number; bucketsFrom: number; toMs: number },
): Promise<Weighted[]> {
  const old = { from: new Date(bucketOf(fromMs, HALF_MS)), to: new Date(Math.min(toMs, bucketsFrom)) };
  const recent = { from: new Date(Math.max(bucketOf(fromMs), bucketsFrom)), to: new Date(toMs) };
  const read = (tier: Tier, range: TimeRange): Promise<TierRow[]> =>
    readTier(tx, tier, [subject.number], range, MOST_ROWS);
  const halves = await read("metric_halves", old);
  const made = new Set(halves.map(({ at }) => at.getTime()));
  const pending = (await readMarks(tx, [subject.number], old)).filter(({ at }) => !made.has(at.getTime()));
  const unmade: TierRow[] = [];
  for (const { at } of pending) {
    unmade.push(...(await read("metric_buckets", { from: at, to: new Date(at.getTime() + HALF_MS) })));
  }
  const rows = [...halves, ...unmade, ...(await read("metric_buckets", recent))];
  const names = await namesOf(
    tx,
    rows.map(({ layout }) => layout),
  );
  return averagesOfRows(kindOf(subject), rows, names);
}
