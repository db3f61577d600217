import type { MetricSeries } from "@windflow/proto/client";

export type ChartUnit = "percent" | "bytes" | "bytes_per_second" | "count";
export type ChartKey = "cpu" | "memory" | "load" | "space" | "disk" | "network" | "swap" | "processes";
export interface ChartLine {
  /** The column's name, or the device where one chart shows the same of several. */
  name: string;
  isDevice: boolean;
  values: (number | null)[];
}
export interface ChartGroup {
  key: ChartKey;
  unit: ChartUnit;
  /** Top of the scale, when the figure has one. */
  top: number | undefined;
  lines: ChartLine[];
}
interface ChartSpec {
  key: ChartKey;
  unit: ChartUnit;
  columns: string[];
  /** Left out when all its values are 0, which is the rule on most hosts. */
  quiet?: boolean;
}
/** A step missed once is jitter of the clock; two are a gap. */
const GAP_STEPS = 2.5;
/** Containers are sampled this slowly; hosts oftener. */
const SLOWEST_SAMPLE_S = 30;
/** More lines than there are colours cannot be told apart. */
const LINES_AT_MOST = 4;
const SPECS: ChartSpec[] = [
  { key: "cpu", unit: "percent", columns: ["cpu_percent", "cpu_iowait_percent", "cpu_steal_percent"] },
  { key: "memory", unit: "bytes", columns: ["memory_used_bytes"] },
  {
    key: "network",
    unit: "bytes_per_second",
    columns: ["network_receive_bytes_per_second", "network_transmit_bytes_per_second"],
  },
  {
    key: "disk",
    unit: "bytes_per_second",
    columns: [
      "disk_read_bytes_per_second",
      "disk_write_bytes_per_second",
      "block_read_bytes_per_second",
      "block_write_bytes_per_second",
    ],
  },
  { key: "load", unit: "count", columns: ["load_1m"] },
  { key: "processes", unit: "count", columns: ["processes"] },
  { key: "swap", unit: "bytes", columns: ["swap_used_bytes"], quiet: true },
];
type Columns = Map<string, (number | null)[]>;

/** The charts of a series, in a fixed order; a gap in time is a gap in the lines. */
export function chartGroups(series: MetricSeries): { atMs: number[]; groups: ChartGroup[] } {
  const { atMs, picks } = withGaps(series.atMs ?? [], series.stepSeconds ?? 0);
  const columns: Columns = new Map();
  for (const { name = "", values = [] } of series.columns ?? []) {
    columns.set(
      name,
      picks.map((pick) => (pick === null ? null : finite(values[pick]))),
    );
  }
  const groups = SPECS.flatMap((spec) => groupOf(spec, columns));
  const space = spaceOf(columns);
  return { atMs, groups: space === undefined ? groups : groups.toSpliced(Math.min(4, groups.length), 0, space) };
}

function groupOf(spec: ChartSpec, columns: Columns): ChartGroup[] {
  const lines = spec.columns.flatMap((name, index): ChartLine[] => {
    const values = columns.get(name);
    // The first column is the chart; the others are worth a line only when something happened.
    if (values === undefined || (spec.key === "cpu" && index > 0 && values.every((value) => (value ?? 0) < 1)))
      return [];
    return [{ name, isDevice: false, values }];
  });
  if (lines.length === 0 || (spec.quiet && lines.every((line) => line.values.every((value) => !value)))) return [];
  return [{ key: spec.key, unit: spec.unit, top: topOf(spec, lines, columns), lines }];
}
function topOf(spec: ChartSpec, lines: ChartLine[], columns: Columns): number | undefined {
  const highest = greatest(lines.flatMap((line) => line.values));
  if (spec.unit === "percent") return highest <= 100 ? 100 : undefined;
  if (spec.key !== "memory") return undefined;
  const limit = greatest(columns.get("memory_total_bytes") ?? columns.get("memory_limit_bytes") ?? []);
  return limit > 0 ? limit : undefined;
}
/** Each file system's use as a share of its size. */
function spaceOf(columns: Columns): ChartGroup | undefined {
  const lines = [...columns].flatMap(([name, used]): ChartLine[] => {
    const mount = /^disk_used_bytes:(.*)$/.exec(name)?.[1];
    const total = mount === undefined ? undefined : columns.get(`disk_total_bytes:${mount}`);
    if (mount === undefined || total === undefined) return [];
    const values = used.map((value, index) => (value === null || !total[index] ? null : (value / total[index]) * 100));
    return [{ name: mount, isDevice: true, values }];
  });
  const fullest = lines.toSorted((a, b) => greatest(b.values) - greatest(a.values)).slice(0, LINES_AT_MOST);
  return fullest.length === 0 ? undefined : { key: "space", unit: "percent", top: 100, lines: fullest };
}

function greatest(values: readonly (number | null)[]): number {
  return values.reduce((most: number, value) => (value !== null && value > most ? value : most), 0);
}
function finite(value: unknown): number | null {
  return typeof value === "number" && Number.isFinite(value) ? value : null;
}

/** Times with one extra in each gap, and for each time the index of its value, null in a gap. */
function withGaps(times: number[], stepSeconds: number): { atMs: number[]; picks: (number | null)[] } {
  const atMs: number[] = [];
  const picks: (number | null)[] = [];
  const limit = Math.max(stepSeconds, SLOWEST_SAMPLE_S) * GAP_STEPS * 1000;
  times.forEach((at, index) => {
    const before = times[index - 1];
    if (before !== undefined && at - before > limit) {
      atMs.push(before + 1);
      picks.push(null);
    }
    atMs.push(at);
    picks.push(index);
  });
  return { atMs, picks };
}
