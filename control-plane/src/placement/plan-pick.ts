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
    while (picked.size < most) {
      const next = nextInLine(lines, counts);
      if (next === undefined) break;
      picked.add(next);
      counts.set(next.group, (counts.get(next.group) ?? 0) + 1);
    }
  }
  return picked;
}

function linesOf(candidates: readonly Candidate[], grouped: boolean): Candidate[][] {
  const sorted = candidates.toSorted((a, b) => b.score - a.score || a.load - b.load);
  const lines = [...Map.groupBy(sorted, ({ group }) => (grouped ? group : "")).values()];
  // Taken from the end.
  return lines.map((line) => line.toReversed());
}

function nextInLine(lines: readonly Candidate[][], counts: ReadonlyMap<string, number>): Candidate | undefined {
  let best: Candidate[] | undefined;
  let fewest = Infinity;
  for (const line of lines) {
    const first = line.at(-1);
    if (first === undefined) continue;
    const count = counts.get(first.group) ?? 0;
    if (count >= fewest) continue;
    best = line;
    fewest = count;
  }
  return best?.pop();
}
