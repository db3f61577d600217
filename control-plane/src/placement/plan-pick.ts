import type { PlacementHost, PlacementReason } from "./model.ts";
import type { Refusal } from "./plan-refusals.ts";

/** Who comes first: what runs, what was to leave but is there, what is new, and what goes as soon as it can. */
const TIERS = ["keeps", "leaving", "newcomer", "draining", "gone"] as const;
export type Tier = (typeof TIERS)[number];

/** A host that may run the stack. */
export interface Candidate {
  readonly host: PlacementHost;
  readonly tier: Tier;
  /** Hosts of one group are taken in turn with those of the others. */
  readonly group: string;
  /** More comes first. */
  readonly score: number;
  /** Less comes first. */
  readonly load: number;
  readonly reason: PlacementReason;
  readonly because: string;
  readonly otherwise?: Refusal;
}

/**
 * The first hosts in line, tier by tier: of each tier the group that has the fewest so far, and of the group by score, then load.
 * @param candidates in the order that decides between equals
 */
export function pickInOrder(
  candidates: readonly Candidate[],
  limit: { readonly wanted: number; readonly newcomers: number; readonly grouped: boolean },
): Set<Candidate> {
  const picked = new Set<Candidate>();
  const counts = new Map<string, number>();
  for (const tier of TIERS) {
    const most = Math.min(limit.wanted, tier === "newcomer" ? picked.size + limit.newcomers : Infinity);
    const lines = linesOf(
      candidates.filter((candidate) => candidate.tier === tier),
      limit.grouped,
    );
    for (const next of inTurns(lines, counts)) {
      if (picked.size >= most) break;
      picked.add(next);
      counts.set(next.group, (counts.get(next.group) ?? 0) + 1);
    }
  }
  return picked;
}

function linesOf(candidates: readonly Candidate[], grouped: boolean): Candidate[][] {
  const sorted = candidates.toSorted((a, b) => b.score - a.score || a.load - b.load);
  return [...Map.groupBy(sorted, ({ group }) => (grouped ? group : "")).values()];
}

/** The next of the line whose group has the fewest, again and again; of several such lines, the first. */
function* inTurns(lines: readonly Candidate[][], counts: ReadonlyMap<string, number>): Generator<Candidate> {
  // Whoever has the fewest gets one more, and nobody is overtaken by that: level by level, not choice by choice.
  const places = lines.map((line) => ({ line, count: counts.get(line[0]?.group ?? "") ?? 0, taken: 0 }));
  let waiting = places;
  while (waiting.length > 0) {
    const fewest = waiting.reduce((least, { count }) => Math.min(least, count), Infinity);
    for (const place of waiting) {
      if (place.count > fewest) continue;
      const next = place.line[place.taken];
      place.taken += 1;
      place.count += 1;
      if (next !== undefined) yield next;
    }
    waiting = waiting.filter(({ line, taken }) => taken < line.length);
  }
}
