import { slice, stepsOf, type Samples, type SubjectKind } from "./model.ts";

/** What is kept of a subject's five minutes, or half hour, when its samples are gone. */
export interface Statistics {
  /** Milliseconds since 1970, when the bucket begins. */
  readonly bucketMs: number;
  readonly columns: ReadonlyMap<string, ColumnStatistics>;
  /**
   * The samples that are in it, in seconds since 1970, rising; undefined in what was written before these were kept. Milliseconds
   * would take more room than the figures: the clocks of hosts jitter. Two samples of one second are two here.
   */
  readonly seconds: readonly number[] | undefined;
}

const MS_PER_SECOND = 1000;
// The year 5138, or a day of 1973.
const MOST_SECONDS = 1e11;
const secondOf = (atMs: number): number => Math.floor(atMs / MS_PER_SECOND);

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
  return { bucketMs, columns: new Map(columns), seconds: samples.atMs.map(secondOf) };
}

function ofColumn(values: readonly number[]): ColumnStatistics {
  let [sum, maximum, minimum, last, count] = [0, -Infinity, Infinity, Number.NaN, 0];
  for (const value of values) {
    if (!Number.isFinite(value)) continue;
    sum += value;
    if (value > maximum) maximum = value;
    if (value < minimum) minimum = value;
    last = value;
    count++;
  }
  return count === 0 ? UNKNOWN : { average: sum / count, maximum, minimum, last, count };
}

/**
 * Adds those samples that are not in the statistics yet; the same ones again change nothing. Where all that was counted
 * is among the samples, it is counted anew, without the rounding of what is stored.
 */
export function addSamples(known: Statistics, samples: Samples): Statistics {
  const { seconds } = known;
  // Which samples are in it is not known: counting some twice would be worse than leaving late ones out.
  if (seconds === undefined) return known;
  const given = new Set(samples.atMs.map(secondOf));
  if (samples.atMs.length >= seconds.length && seconds.every((second) => given.has(second))) {
    return statisticsOf(known.bucketMs, samples);
  }
  const counted = new Set(seconds);
  const fresh = samples.atMs.flatMap((at, i) => (counted.has(secondOf(at)) ? [] : [slice(samples, i, i + 1)]));
  return fresh.reduce((all, one) => combined(all, statisticsOf(known.bucketMs, one)), known);
}

/** Statistics of several buckets, or more of the same one, that have no sample in common. */
export function combined(a: Statistics, b: Statistics): Statistics {
  const [earlier, later] = (a.seconds?.at(-1) ?? 0) <= (b.seconds?.at(-1) ?? 0) ? [a, b] : [b, a];
  const names = new Set([...earlier.columns.keys(), ...later.columns.keys()]);
  const columns = [...names].map((name) => {
    return [name, together(earlier.columns.get(name) ?? UNKNOWN, later.columns.get(name) ?? UNKNOWN)] as const;
  });
  const seconds = [...(a.seconds ?? []), ...(b.seconds ?? [])].toSorted((one, other) => one - other);
  return { bucketMs: Math.min(a.bucketMs, b.bucketMs), columns: new Map(columns), seconds };
}

/** Whether the two count a sample both. */
export function overlap(a: Statistics, b: Statistics): boolean {
  const counted = new Set(a.seconds);
  return b.seconds?.some((second) => counted.has(second)) ?? true;
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
export function statisticsAsSamples(kind: SubjectKind, { bucketMs, columns, seconds = [] }: Statistics): Samples {
  const rows = [...columns].map(([name, column]) => {
    const missing = column.count === 0 ? 0 : seconds.length - column.count;
    const marked = column.last + missing / (stepsOf(kind, name) ?? 1);
    return [name, [...ORDER.map((key) => column[key]), marked]] as const;
  });
  return { atMs: Array.from({ length: ROWS }, (_, i) => bucketMs + i), columns: new Map(rows) };
}

/** How many of the samples had the figure whose statistics these are. */
export function countOf(kind: SubjectKind, name: string, values: readonly number[], samples: number): number {
  const [average = Number.NaN, , , last = average, marked = last] = values;
  if (!Number.isFinite(average)) return 0;
  // Nearly always: no step of the unit has to be known.
  return marked === last ? samples : samples - Math.round((marked - last) * (stepsOf(kind, name) ?? 1));
}

export function statisticsFromSamples(
  kind: SubjectKind,
  rows: Samples,
  times: readonly number[] | undefined,
  /** How many samples it is of, where their times are not known. */
  samples = 1,
): Statistics {
  // Older versions wrote milliseconds.
  const seconds = times?.map((time) => (time > MOST_SECONDS ? secondOf(time) : time));
  const columns = [...rows.columns].map(([name, values]) => {
    const [average = Number.NaN, maximum = average, minimum = average, last = average] = values;
    const count = countOf(kind, name, values, seconds?.length ?? samples);
    return [name, { average, maximum, minimum, last, count }] as const;
  });
  return { bucketMs: rows.atMs[0] ?? 0, columns: new Map(columns), seconds };
}
