import { slice, stepsOf, type Samples, type SubjectKind } from "./model.ts";

/** What is kept of a subject's five minutes when its samples are gone. */
export interface Statistics {
  /** Milliseconds since 1970, when the five minutes begin. */
  readonly bucketMs: number;
  readonly columns: ReadonlyMap<string, ColumnStatistics>;
  /** The samples that are in it, rising; undefined in what was written before these were kept. */
  readonly atMs: readonly number[] | undefined;
}

/** Of the samples that were known; all NaN when none was. */
export interface ColumnStatistics {
  readonly average: number;
  readonly maximum: number;
  readonly minimum: number;
  /** The latest one. */
  readonly last: number;
  readonly count: number;
}

const UNKNOWN: ColumnStatistics = {
  average: Number.NaN,
  maximum: Number.NaN,
  minimum: Number.NaN,
  last: Number.NaN,
  count: 0,
};
// As they stand in a chunk, a millisecond apart from the bucket's begin on. Older versions wrote the first two only. The
// fifth is the last value once more, and a step of its unit for each sample that lacked the figure: nearly always the
// same number, which takes no space, where the count would be a jump in every column.
const ORDER = ["average", "maximum", "minimum", "last"] as const;
const ROWS = ORDER.length + 1;

export function statisticsOf(bucketMs: number, samples: Samples): Statistics {
  const columns = [...samples.columns].map(([name, values]) => [name, ofColumn(values)] as const);
  return { bucketMs, columns: new Map(columns), atMs: samples.atMs };
}

function ofColumn(values: readonly number[]): ColumnStatistics {
  const known = values.filter((value) => Number.isFinite(value));
  if (known.length === 0) return UNKNOWN;
  return {
    average: known.reduce((sum, value) => sum + value, 0) / known.length,
    maximum: known.reduce((most, value) => Math.max(most, value)),
    minimum: known.reduce((least, value) => Math.min(least, value)),
    last: known.at(-1) ?? Number.NaN,
    count: known.length,
  };
}

/**
 * Adds those samples that are not in the statistics yet; the same ones again change nothing. Where all that was counted
 * is among the samples, it is counted anew, without the rounding of what is stored.
 */
export function addSamples(known: Statistics, samples: Samples): Statistics {
  const { atMs } = known;
  // Which samples are in it is not known: counting some twice would be worse than leaving late ones out.
  if (atMs === undefined) return known;
  const given = new Set(samples.atMs);
  if (atMs.every((at) => given.has(at))) return statisticsOf(known.bucketMs, samples);
  const counted = new Set(atMs);
  const fresh = samples.atMs.flatMap((at, i) => (counted.has(at) ? [] : [slice(samples, i, i + 1)]));
  return fresh.reduce((all, one) => addOne(all, atMs.at(-1) ?? 0, one), known);
}

function addOne(known: Statistics, lastMs: number, one: Samples): Statistics {
  const at = one.atMs[0] ?? 0;
  const added = statisticsOf(known.bucketMs, one);
  const names = new Set([...known.columns.keys(), ...added.columns.keys()]);
  const columns = [...names].map((name) => {
    const [before, after] = [known.columns.get(name) ?? UNKNOWN, added.columns.get(name) ?? UNKNOWN];
    return [name, at > lastMs ? together(before, after) : together(after, before)] as const;
  });
  const atMs = [...(known.atMs ?? []), at].toSorted((a, b) => a - b);
  return { bucketMs: known.bucketMs, columns: new Map(columns), atMs };
}

function together(earlier: ColumnStatistics, later: ColumnStatistics): ColumnStatistics {
  if (earlier.count === 0) return later;
  if (later.count === 0) return earlier;
  const count = earlier.count + later.count;
  return {
    average: (earlier.average * earlier.count + later.average * later.count) / count,
    maximum: Math.max(earlier.maximum, later.maximum),
    minimum: Math.min(earlier.minimum, later.minimum),
    last: later.last,
    count,
  };
}

/** As the samples of a chunk. */
export function statisticsAsSamples(kind: SubjectKind, { bucketMs, columns, atMs = [] }: Statistics): Samples {
  const rows = [...columns].map(([name, column]) => {
    const missing = column.count === 0 ? 0 : atMs.length - column.count;
    const marked = column.last + missing / (stepsOf(kind, name) ?? 1);
    return [name, [...ORDER.map((key) => column[key]), marked]] as const;
  });
  return { atMs: Array.from({ length: ROWS }, (_, i) => bucketMs + i), columns: new Map(rows) };
}

export function statisticsFromSamples(
  kind: SubjectKind,
  rows: Samples,
  atMs: readonly number[] | undefined,
): Statistics {
  const columns = [...rows.columns].map(([name, values]) => {
    const [average = Number.NaN, maximum = average, minimum = average, last = average, marked = last] = values;
    const missing = Math.round((marked - last) * (stepsOf(kind, name) ?? 1));
    const count = Number.isFinite(average) ? (atMs?.length ?? 1) - missing : 0;
    return [name, { average, maximum, minimum, last, count }] as const;
  });
  return { bucketMs: rows.atMs[0] ?? 0, columns: new Map(columns), atMs };
}
