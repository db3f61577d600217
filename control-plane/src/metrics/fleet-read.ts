import { setImmediate as breathe } from "node:timers/promises";
import type { UnitOfWork } from "../platform/index.ts";
import { samplesOfStored } from "./batches.ts";
import { decodeChunk } from "./codec.ts";
import { eachOfColumn, type ColumnFigures } from "./columns.ts";
import { pickOf, statisticOf, storedColumnsOf, type Aggregation, type SeriesRecipe } from "./fleet-shape.ts";
import { namesOf } from "./layouts.ts";
import { mergeSamples, splitByBucket, type Samples, type SubjectKind } from "./model.ts";
import type { ShownColumn } from "./shape.ts";
import { statisticsFromSamples, statisticsOf } from "./statistics.ts";
import { readIntake } from "./store-intake.ts";
import { readColumns, readTier, type ColumnTier, type Tier, type TimeRange } from "./store-tiers.ts";

/** A figure of a subject and bucket: the value, and of how many samples it is. */
export type UseFigure = (subject: number, atMs: number, value: number, count: number) => void;

export interface Wanted {
  readonly organizationId: string;
  readonly kind: SubjectKind;
  readonly column: string;
  readonly aggregation: Aggregation;
  readonly subjects: ReadonlySet<number>;
}

// Others are served in between.
const CHUNKS_AT_A_TIME = 500;
// A row is of up to 200 subjects: a month of 10,000 hosts.
const MOST_COLUMN_ROWS = 100_000;

/** Thrown when there is more to read than `limit` rows. */
export class TooMuchToRead extends Error {}

/** From what is kept by column; gives the unit. */
export async function readByColumn(
  tx: UnitOfWork,
  tier: ColumnTier,
  wanted: Wanted,
  recipe: SeriesRecipe,
  range: TimeRange,
  use: UseFigure,
): Promise<void> {
  const { organizationId, kind } = wanted;
  const query = { organizationId, series: recipe.series.map(({ number }) => number), ...range };
  const rows = await readColumns(tx, tier, query, MOST_COLUMN_ROWS + 1);
  if (rows.length > MOST_COLUMN_ROWS) throw new TooMuchToRead();
  const pick = pickOf(wanted.aggregation);
  // By bucket and subject: what was written later replaces what was before, and the parts of a percentage meet.
  const found = new Map<number, Map<number, { values: number[]; count: number }>>();
  for (const [i, row] of rows.entries()) {
    if (i % CHUNKS_AT_A_TIME === CHUNKS_AT_A_TIME - 1) await breathe();
    const place = recipe.series.findIndex(({ number }) => number === row.series);
    const atMs = row.at.getTime();
    const bucket = found.get(atMs) ?? new Map<number, { values: number[]; count: number }>();
    found.set(atMs, bucket);
    eachOfColumn(kind, recipe.series[place]?.name ?? "", row.chunk, (subject, figures) => {
      if (!wanted.subjects.has(subject)) return;
      const known = bucket.get(subject) ?? { values: [], count: 0 };
      known.values[place] = pick(figures);
      known.count = figures.count;
      bucket.set(subject, known);
    });
  }
  for (const [atMs, bucket] of found) {
    for (const [subject, { values, count }] of bucket) {
      const value = recipe.valueOf(values);
      if (Number.isFinite(value)) use(subject, atMs, value, count);
    }
  }
}

/** From what is kept by subject: for columns of devices. Gives the unit, where something was found. */
export async function readBySubject(
  tx: UnitOfWork,
  tier: Tier,
  wanted: Wanted,
  range: TimeRange,
  limit: number,
  use: UseFigure,
): Promise<ShownColumn["unit"] | undefined> {
  const rows = await readTier(tx, tier, [...wanted.subjects], range, limit + 1);
  if (rows.length > limit) throw new TooMuchToRead();
  const names = await namesOf(
    tx,
    rows.map(({ layout }) => layout),
  );
  const isWanted = storedColumnsOf(wanted.kind, wanted.column);
  let unit: ShownColumn["unit"] | undefined;
  for (const [i, row] of rows.entries()) {
    if (i % CHUNKS_AT_A_TIME === CHUNKS_AT_A_TIME - 1) await breathe();
    const encoded = { names: names.get(row.layout) ?? [], bytes: row.chunk };
    const stored = decodeChunk(wanted.kind, encoded, isWanted);
    const { columns } = statisticsFromSamples(wanted.kind, stored, undefined, row.samples);
    unit = useStatistics(wanted, row.subject, row.at.getTime(), columns, use) ?? unit;
  }
  return unit;
}

/** From what is not rolled up yet. Gives the unit, where something was found; `limit` is about batches. */
export async function readNotRolledUp(
  tx: UnitOfWork,
  wanted: Wanted,
  limit: number,
): Promise<{ isWhole: boolean; each: (use: UseFigure) => ShownColumn["unit"] | undefined }> {
  const rows = await readIntake(tx, [...wanted.subjects], limit + 1);
  if (rows.length > limit) return { isWhole: false, each: () => undefined };
  const isWanted = storedColumnsOf(wanted.kind, wanted.column);
  const each = (use: UseFigure): ShownColumn["unit"] | undefined => {
    let unit: ShownColumn["unit"] | undefined;
    for (const [subject, batches] of Map.groupBy(rows, (row) => row.subject)) {
      const samples = batches.flatMap(({ batch }) => samplesOfStored(wanted.kind, batch) ?? []);
      for (const part of splitByBucket(mergeSamples(samples.map((one) => only(one, isWanted))))) {
        const { columns } = statisticsOf(part.bucket, part.samples);
        unit = useStatistics(wanted, subject, part.bucket, columns, use) ?? unit;
      }
    }
    return unit;
  };
  return { isWhole: true, each };
}

function only({ atMs, columns }: Samples, isWanted: (name: string) => boolean): Samples {
  return { atMs, columns: new Map([...columns].filter(([name]) => isWanted(name))) };
}

function useStatistics(
  { kind, column, aggregation }: Wanted,
  subject: number,
  atMs: number,
  columns: ReadonlyMap<string, ColumnFigures>,
  use: UseFigure,
): ShownColumn["unit"] | undefined {
  const found = statisticOf(kind, column, aggregation, columns);
  if (found === undefined) return undefined;
  use(subject, atMs, found.value, found.count);
  return found.unit;
}
