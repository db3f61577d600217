/** How many hosts, or how many of anything, stand how. Those of which nothing is known are in no other count. */
export interface StandingCounts {
  readonly ok: number;
  readonly failed: number;
  readonly stopped: number;
  readonly inProgress: number;
  /** Reached, but their engine cannot be asked, or they have said nothing yet. */
  readonly unknown: number;
  readonly empty: number;
  readonly notReached: number;
  /** When the first of those that are not reached was last heard of, milliseconds since 1970; absent when that is not known. */
  readonly notReachedSince?: number;
}

const DAY_MS = 24 * 60 * 60 * 1000;

/** e.g. "47 ok, 1 failed, 2 not reached since 14:02 UTC"; empty when there is nothing to count. */
export function summaryText(counts: StandingCounts, now: number): string {
  const words: [number, string][] = [
    [counts.ok, "ok"],
    [counts.failed, "failed"],
    [counts.stopped, "stopped"],
    [counts.inProgress, "in progress"],
    [counts.unknown, "unknown"],
    [counts.empty, "empty"],
    [counts.notReached, `not reached${sinceText(counts.notReachedSince, now)}`],
  ];
  return words.flatMap(([count, word]) => (count === 0 ? [] : [`${count} ${word}`])).join(", ");
}

/** " since 14:02 UTC" of a moment of the last day, " since 2026-11-12" of one before; empty when it is not known. */
export function sinceText(since: number | undefined, now: number): string {
  if (since === undefined) return "";
  const text = new Date(since).toISOString();
  return now - since < DAY_MS ? ` since ${text.slice(11, 16)} UTC` : ` since ${text.slice(0, 10)}`;
}
