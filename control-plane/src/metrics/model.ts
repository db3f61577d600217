import { columnMeaning, type SampleColumnMeaning } from "@windflow/core";

/** Samples of one subject (a host, or one container of it) in columns of equal length. */
export interface Samples {
  /** Milliseconds since 1970, rising. */
  readonly atMs: readonly number[];
  /** Name as core/metrics lists it, with its device → values; NaN where a figure was not known. */
  readonly columns: ReadonlyMap<string, readonly number[]>;
}

export type SubjectKind = "host" | "container";

export interface Subject {
  readonly hostId: string;
  /** Empty: the host itself. */
  readonly containerId: string;
}

/** Statistics are made of five minutes, and of half an hour for what is older. */
export const BUCKET_MS: number = 5 * 60_000;
export const HALF_MS: number = 30 * 60_000;
// Samples as they came are kept for a day, statistics of five minutes for a week.
export const RAW_KEPT_MS: number = 24 * 60 * 60_000;
export const BUCKETS_KEPT_MS: number = 7 * 24 * 60 * 60_000;

export function kindOf(subject: Subject): SubjectKind {
  return subject.containerId === "" ? "host" : "container";
}

export function bucketOf(atMs: number, widthMs: number = BUCKET_MS): number {
  return Math.floor(atMs / widthMs) * widthMs;
}

/** The names of a subject in memory. */
export function keyOf({ hostId, containerId }: Subject): string {
  return `${hostId} ${containerId}`;
}

/** Parts of a unit that are told apart: what is finer is not stored. */
const STEPS: Record<SampleColumnMeaning["unit"], number> = {
  ratio: 10_000,
  bytes: 1,
  bytes_per_second: 1,
  per_second: 100,
  count: 1000,
  seconds: 10,
};

// Names are asked for by the hundred thousand, and hosts have the same ones; devices that nobody else has push nothing out for long.
const MOST_KNOWN_NAMES = 10_000;
const knownSteps: Record<SubjectKind, Map<string, number | undefined>> = { host: new Map(), container: new Map() };

/** How many stored steps make one unit of the column; undefined for a column that this version does not know. */
export function stepsOf(kind: SubjectKind, name: string): number | undefined {
  const known = knownSteps[kind];
  const steps = known.get(name);
  if (steps !== undefined || known.has(name)) return steps;
  const meaning = columnMeaning(kind, name)?.meaning;
  const found = meaning === undefined ? undefined : STEPS[meaning.unit];
  if (known.size >= MOST_KNOWN_NAMES) known.clear();
  known.set(name, found);
  return found;
}

/** Cuts samples where a bucket ends, so that each part belongs to exactly one. */
export function splitByBucket(samples: Samples, widthMs: number = BUCKET_MS): { bucket: number; samples: Samples }[] {
  const parts: { bucket: number; samples: Samples }[] = [];
  let from = 0;
  for (let i = 1; i <= samples.atMs.length; i++) {
    const bucket = bucketOf(samples.atMs[from] ?? 0, widthMs);
    if (i < samples.atMs.length && bucketOf(samples.atMs[i] ?? 0, widthMs) === bucket) continue;
    parts.push({ bucket, samples: slice(samples, from, i) });
    from = i;
  }
  return parts;
}

export function slice(samples: Samples, from: number, to: number): Samples {
  if (from === 0 && to === samples.atMs.length) return samples;
  const columns = [...samples.columns].map(([name, values]) => [name, values.slice(from, to)] as const);
  return { atMs: samples.atMs.slice(from, to), columns: new Map(columns) };
}

/** The samples before a time, and the others. */
export function cutAt(samples: Samples, timeMs: number): [before: Samples, after: Samples] {
  const index = samples.atMs.findIndex((at) => at >= timeMs);
  const cut = index < 0 ? samples.atMs.length : index;
  return [slice(samples, 0, cut), slice(samples, cut, samples.atMs.length)];
}

/** Puts samples of one subject together: by time, the first of two at the same moment, NaN where one lacks a column. */
export function mergeSamples(parts: readonly Samples[]): Samples {
  const [first] = parts;
  if (first === undefined) return { atMs: [], columns: new Map() };
  if (parts.length === 1) return first;
  return follow(parts) ? joined(parts) : interleaved(parts);
}

// Nearly always: one batch after the other.
function follow(parts: readonly Samples[]): boolean {
  return parts.every((part, i) => {
    const before = parts[i - 1]?.atMs.at(-1);
    const [start] = part.atMs;
    return start !== undefined && (before === undefined || start > before);
  });
}

function namesOf(parts: readonly Samples[]): string[] {
  return [...new Set(parts.flatMap((part) => [...part.columns.keys()]))].toSorted();
}

function joined(parts: readonly Samples[]): Samples {
  const atMs = parts.flatMap((part) => part.atMs);
  const columns = namesOf(parts).map((name) => {
    const values: number[] = [];
    for (const part of parts) {
      const own = part.columns.get(name);
      for (let i = 0; i < part.atMs.length; i++) values.push(own?.[i] ?? Number.NaN);
    }
    return [name, values] as const;
  });
  return { atMs, columns: new Map(columns) };
}

function interleaved(parts: readonly Samples[]): Samples {
  const order = parts
    .flatMap((part, p) => part.atMs.map((at, i) => ({ at, p, i })))
    .toSorted((a, b) => a.at - b.at || a.p - b.p)
    .filter((sample, i, all) => i === 0 || sample.at !== all[i - 1]?.at);
  const columns = namesOf(parts).map((name) => {
    const values = order.map(({ p, i }) => parts[p]?.columns.get(name)?.[i] ?? Number.NaN);
    return [name, values] as const;
  });
  return { atMs: order.map((sample) => sample.at), columns: new Map(columns) };
}
