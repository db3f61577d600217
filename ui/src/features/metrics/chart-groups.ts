import type { MetricColumn, MetricSeries } from "@windflow/proto/client";

export interface ChartGroup {
  /** First word of the columns' names, e.g. "cpu". */
  key: string;
  unit: string;
  columns: { name: string; values: (number | null)[] }[];
}
/** A step missed once is jitter of the clock; two are a gap. */
const GAP_STEPS = 2.5;
const GROUP_ORDER = ["cpu", "load", "memory", "disk", "filesystem", "network", "pids"];

/** The columns that belong in one chart (same first word and unit), in a fixed order, with gaps in time as gaps in the lines. */
export function chartGroups(series: MetricSeries): { atMs: number[]; groups: ChartGroup[] } {
  const { atMs, picks } = withGaps(series.atMs ?? [], series.stepSeconds ?? 0);
  const groups = new Map<string, ChartGroup>();
  for (const column of series.columns ?? []) {
    const key = groupKey(column);
    const group = groups.get(key) ?? { key, unit: column.unit ?? "", columns: [] };
    const values = picks.map((pick) => (pick === null ? null : finite(column.values?.[pick])));
    group.columns.push({ name: column.name ?? "", values });
    groups.set(key, group);
  }
  const rank = (group: ChartGroup): number => {
    const index = GROUP_ORDER.findIndex((word) => group.key.startsWith(word));
    return index === -1 ? GROUP_ORDER.length : index;
  };
  return { atMs, groups: [...groups.values()].toSorted((a, b) => rank(a) - rank(b) || a.key.localeCompare(b.key)) };
}

function groupKey(column: MetricColumn): string {
  return `${(column.name ?? "").split("_")[0]}:${column.unit ?? ""}`;
}
function finite(value: number | undefined): number | null {
  return value !== undefined && Number.isFinite(value) ? value : null;
}

/** Times with one extra in each gap, and for each time the index of its value, null in a gap. */
function withGaps(times: number[], stepSeconds: number): { atMs: number[]; picks: (number | null)[] } {
  const atMs: number[] = [];
  const picks: (number | null)[] = [];
  const limit = stepSeconds * GAP_STEPS * 1000;
  times.forEach((at, index) => {
    const before = times[index - 1];
    if (before !== undefined && limit > 0 && at - before > limit) {
      atMs.push(before + 1);
      picks.push(null);
    }
    atMs.push(at);
    picks.push(index);
  });
  return { atMs, picks };
}
