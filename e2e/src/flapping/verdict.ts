import type { Footprint } from "./footprint.ts";

const MB = 1024 * 1024;
/** From the second quarter to the last; the first is that of a program that has just begun. */
const MOST_GROWTH: Pick<Footprint, "privateBytes" | "descriptors" | "threads" | "stateBytes"> = {
  privateBytes: 6 * MB,
  descriptors: 3,
  threads: 0,
  /** The desired state, the identity, records of a kilobyte: the same at the end as at the beginning. */
  stateBytes: 64 * 1024,
};
/** At any time. The spool may hold what comes in the longest trouble, in segments of 1 MB. */
const MOST: Pick<Footprint, "descriptors" | "spoolBytes" | "logBytes"> = {
  descriptors: 80,
  spoolBytes: 6 * MB,
  logBytes: 8.5 * MB,
};

/** What was seen of a run. */
export interface Seen {
  /** In equal steps over the run. */
  readonly footprints: readonly Footprint[];
  /** Containers that ended while the link flapped, and how often the fleet was told of each. */
  readonly told: ReadonlyMap<string, number>;
  readonly spool: { readonly waiting: number; readonly dropped: number };
  readonly sessions: number;
}

/** What is wrong, a sentence each; empty when nothing grew and nothing was lost. */
export function judgeFlapping({ footprints, told, spool, sessions }: Seen): string[] {
  const quarter = Math.floor(footprints.length / 4);
  const second = footprints.slice(quarter, 2 * quarter);
  const last = footprints.slice(-quarter);
  const growth = Object.entries(MOST_GROWTH).flatMap(([name, most]) => {
    const key = name as keyof typeof MOST_GROWTH;
    const before = median(second.map((one) => one[key]));
    const after = median(last.map((one) => one[key]));
    return after - before > most ? [`${name} grew from ${before} to ${after}, by more than ${most}`] : [];
  });
  const bounds = Object.entries(MOST).flatMap(([name, most]) => {
    const highest = Math.max(...footprints.map((one) => one[name as keyof typeof MOST]));
    return highest > most ? [`${name} came to ${highest}, more than ${most}`] : [];
  });
  const lost = [...told].flatMap(([id, times]) =>
    times === 1 ? [] : [`the end of ${id.slice(0, 12)} was told ${times} times`],
  );
  return [
    ...growth,
    ...bounds,
    ...lost,
    ...(spool.dropped === 0 ? [] : [`${spool.dropped} entries of the spool were given up`]),
    ...(spool.waiting === 0 ? [] : [`${spool.waiting} entries of the spool still wait with a good link`]),
    ...(sessions > 1 ? [] : ["there was one session only: the link did not flap"]),
  ];
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}
