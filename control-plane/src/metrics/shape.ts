import { columnMeaning } from "@windflow/core";
import { mergeSamples, type Samples, type SubjectKind } from "./model.ts";

/** A column as people see it: its API name, unit and values. */
export interface ShownColumn {
  readonly name: string;
  readonly unit: "percent" | "bytes" | "bytes_per_second" | "count" | "load" | "seconds";
  readonly values: number[];
}

export interface ShownSeries {
  readonly atMs: number[];
  readonly stepMs: number;
  readonly columns: ShownColumn[];
}

// Sampling every 5 s is the finest that is kept outside of a live view, which is at 1 s.
const FINEST_STEP_MS = 1000;

/**
 * At most `maxPoints` points: averages of steps of equal length, at the begin of each. A step without a sample has no
 * point, and a figure that was not known is NaN: nothing is invented.
 */
export function downSample(
  parts: readonly Samples[],
  range: { readonly fromMs: number; readonly toMs: number },
  maxPoints: number,
): { atMs: number[]; stepMs: number; columns: Map<string, number[]> } {
  const all = mergeSamples(parts);
  const width = (range.toMs - range.fromMs) / maxPoints;
  const stepMs = Math.max(FINEST_STEP_MS, Math.ceil(width / FINEST_STEP_MS) * FINEST_STEP_MS);
  const steps = new Map<number, number[]>();
  all.atMs.forEach((at, i) => {
    if (at < range.fromMs || at >= range.toMs) return;
    const step = Math.floor((at - range.fromMs) / stepMs);
    steps.set(step, [...(steps.get(step) ?? []), i]);
  });
  const members = [...steps.entries()];
  const columns = [...all.columns].map(
    ([name, values]) => [name, members.map(([, indices]) => average(indices.map((i) => values[i])))] as const,
  );
  return { atMs: members.map(([step]) => range.fromMs + step * stepMs), stepMs, columns: new Map(columns) };
}

function average(values: readonly (number | undefined)[]): number {
  const known = values.filter((value): value is number => value !== undefined && Number.isFinite(value));
  return known.length === 0 ? Number.NaN : known.reduce((sum, value) => sum + value, 0) / known.length;
}

/** The columns under the names of the API: shares in percent, and sums over devices beside each device's own. */
export function shownColumns(kind: SubjectKind, columns: ReadonlyMap<string, readonly number[]>): ShownColumn[] {
  const shown = [...columns].flatMap(([name, values]) => shownColumn(kind, name, values));
  return [...shown, ...sums(columns), ...memoryPercent(columns)].toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

function shownColumn(kind: SubjectKind, name: string, values: readonly number[]): ShownColumn[] {
  const known = columnMeaning(kind, name);
  if (known === undefined) return [];
  if (name === "cpu_used_ratio" || name === "cpu_used_cores") return [percent("cpu_percent", values)];
  if (known.meaning.unit === "ratio") return [percent(name.replace(/_ratio$/, "_percent"), values)];
  const unit = known.meaning.unit === "per_second" ? "count" : known.meaning.unit;
  return [{ name, unit: name.startsWith("load_") ? "load" : unit, values: [...values] }];
}

// Finer than this is noise of the arithmetic.
const PERCENT_PARTS = 10_000;

function percent(name: string, ratios: readonly number[]): ShownColumn {
  return {
    name,
    unit: "percent",
    values: ratios.map((ratio) => Math.round(ratio * 100 * PERCENT_PARTS) / PERCENT_PARTS),
  };
}

function sums(columns: ReadonlyMap<string, readonly number[]>): ShownColumn[] {
  const perDevice = [...columns].filter(([name]) => name.includes("_bytes_per_second:"));
  const groups = Map.groupBy(perDevice, ([name]) => name.slice(0, name.indexOf(":")));
  return [...groups].map(([name, members]) => {
    const count = members[0]?.[1].length ?? 0;
    const values = Array.from({ length: count }, (_, i) => sum(members.map(([, device]) => device[i])));
    return { name, unit: "bytes_per_second", values };
  });
}

function sum(values: readonly (number | undefined)[]): number {
  const known = values.filter((value): value is number => value !== undefined && Number.isFinite(value));
  return known.length === 0 ? Number.NaN : known.reduce((total, value) => total + value, 0);
}

function memoryPercent(columns: ReadonlyMap<string, readonly number[]>): ShownColumn[] {
  const used = columns.get("memory_used_bytes");
  const total = columns.get("memory_total_bytes") ?? columns.get("memory_limit_bytes");
  if (used === undefined || total === undefined) return [];
  return [
    percent(
      "memory_percent",
      used.map((bytes, i) => bytes / (total[i] ?? Number.NaN)),
    ),
  ];
}
