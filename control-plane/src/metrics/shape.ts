import { columnMeaning } from "@windflow/core";
import type { Samples, SubjectKind } from "./model.ts";

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

/** Samples, or averages of many of them. */
export interface Weighted {
  readonly samples: Samples;
  /** How many samples each figure is the average of, as the columns; undefined: one. */
  readonly counts: ReadonlyMap<string, readonly number[]> | undefined;
}

/**
 * At most `maxPoints` points: averages over all samples of steps of equal length, at the begin of each. A step without a sample
 * has no point, and a figure that was not known is NaN: nothing is invented. No sample may be in two parts.
 */
export function downSample(
  parts: readonly Weighted[],
  range: { readonly fromMs: number; readonly toMs: number },
  maxPoints: number,
): { atMs: number[]; stepMs: number; columns: Map<string, number[]> } {
  const width = (range.toMs - range.fromMs) / maxPoints;
  const stepMs = Math.max(FINEST_STEP_MS, Math.ceil(width / FINEST_STEP_MS) * FINEST_STEP_MS);
  const steps = Math.ceil((range.toMs - range.fromMs) / stepMs);
  const touched = new Uint8Array(steps);
  const sums = new Map<string, { values: Float64Array; counts: Float64Array }>();
  for (const { samples, counts } of parts) {
    const stepOf = samples.atMs.map((at) =>
      at < range.fromMs || at >= range.toMs ? -1 : Math.floor((at - range.fromMs) / stepMs),
    );
    for (const step of stepOf) if (step >= 0) touched[step] = 1;
    for (const [name, values] of samples.columns) {
      const weights = counts?.get(name);
      const sum = sums.get(name) ?? { values: new Float64Array(steps), counts: new Float64Array(steps) };
      sums.set(name, sum);
      for (let i = 0; i < stepOf.length; i++) {
        const [step = -1, value = Number.NaN] = [stepOf[i], values[i]];
        if (step < 0 || !Number.isFinite(value)) continue;
        const weight = weights?.[i] ?? 1;
        sum.values[step] = (sum.values[step] ?? 0) + value * weight;
        sum.counts[step] = (sum.counts[step] ?? 0) + weight;
      }
    }
  }
  const members = [...touched.keys()].filter((step) => touched[step] === 1);
  const columns = [...sums].map(([name, sum]) => {
    const values = members.map((step) =>
      sum.counts[step] === 0 ? Number.NaN : (sum.values[step] ?? 0) / (sum.counts[step] ?? 1),
    );
    return [name, values] as const;
  });
  const byName = columns.toSorted(([a], [b]) => (a < b ? -1 : 1));
  return { atMs: members.map((step) => range.fromMs + step * stepMs), stepMs, columns: new Map(byName) };
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

export function percentOf(ratio: number): number {
  return Math.round(ratio * 100 * PERCENT_PARTS) / PERCENT_PARTS;
}

function percent(name: string, ratios: readonly number[]): ShownColumn {
  return { name, unit: "percent", values: ratios.map(percentOf) };
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
