import { columnMeaning } from "@windflow/core";
import { SERIES, type ColumnFigures } from "./columns.ts";
import type { SubjectKind } from "./model.ts";
import { percentOf, shownColumns, type ShownColumn } from "./shape.ts";

/** What is made of the values of all subjects in a step. */
export type Aggregation = "average" | "sum" | "maximum" | "minimum" | "p95";

/** Which stored columns a shown one is made of. */
export function storedColumnsOf(kind: SubjectKind, shown: string): (name: string) => boolean {
  if (shown === "memory_percent")
    return (name) => name === "memory_used_bytes" || name === "memory_total_bytes" || name === "memory_limit_bytes";
  if (shown === "cpu_percent") return (name) => name === (kind === "host" ? "cpu_used_ratio" : "cpu_used_cores");
  const ratio = shown.replace(/_percent$/, "_ratio");
  return (name) => name === shown || name === ratio || name.startsWith(`${shown}:`);
}

const PICK: Record<Aggregation, (figures: ColumnFigures) => number> = {
  average: ({ average }) => average,
  sum: ({ average }) => average,
  p95: ({ average }) => average,
  maximum: ({ maximum }) => maximum,
  minimum: ({ minimum }) => minimum,
};

/** The shown column out of the statistics of a bucket, and of how many samples it is. */
export function statisticOf(
  kind: SubjectKind,
  shown: string,
  aggregation: Aggregation,
  columns: ReadonlyMap<string, ColumnFigures>,
): { value: number; count: number; unit: ShownColumn["unit"] } | undefined {
  const isOfIt = storedColumnsOf(kind, shown);
  const parts = [...columns].filter(([name, { count }]) => isOfIt(name) && count > 0);
  const picked = parts.map(([name, figures]) => [name, [PICK[aggregation](figures)]] as const);
  const column = shownColumns(kind, new Map(picked)).find(({ name }) => name === shown);
  const value = column?.values[0];
  const count = parts.reduce((most, [, figures]) => Math.max(most, figures.count), 0);
  return column === undefined || value === undefined || !Number.isFinite(value)
    ? undefined
    : { value, count, unit: column.unit };
}

/** How a shown column is made of those that are kept by column. */
export interface SeriesRecipe {
  readonly series: readonly { readonly name: string; readonly number: number }[];
  readonly unit: ShownColumn["unit"];
  /** Of the figures of the series, in their order; the last may be missing. */
  valueOf(figures: readonly number[]): number;
}

/** Undefined for a column that is not kept so: one of a device, and what nobody compares. */
export function seriesRecipe(kind: SubjectKind, shown: string): SeriesRecipe | undefined {
  const own = (name: string): { name: string; number: number }[] => {
    const number = SERIES[kind].get(name);
    return number === undefined ? [] : [{ name, number }];
  };
  if (shown === "memory_percent") {
    const series = [...own("memory_used_bytes"), ...own(kind === "host" ? "memory_total_bytes" : "memory_limit_bytes")];
    return { series, unit: "percent", valueOf: ([used = Number.NaN, of = Number.NaN]) => percentOf(used / of) };
  }
  const ratio =
    shown === "cpu_percent"
      ? own(kind === "host" ? "cpu_used_ratio" : "cpu_used_cores")
      : shown.endsWith("_percent")
        ? own(shown.replace(/_percent$/, "_ratio"))
        : [];
  if (ratio.length > 0) return { series: ratio, unit: "percent", valueOf: ([value = Number.NaN]) => percentOf(value) };
  const series = own(shown);
  const unit = (columnMeaning(kind, shown) ?? columnMeaning(kind, `${shown}:`))?.meaning.unit;
  if (series.length === 0 || unit === undefined || unit === "ratio" || shown === "cpu_used_cores") return undefined;
  const shownUnit = shown.startsWith("load_") ? "load" : unit === "per_second" ? "count" : unit;
  return { series, unit: shownUnit, valueOf: ([value = Number.NaN]) => value };
}

export const pickOf = (aggregation: Aggregation): ((figures: ColumnFigures) => number) => PICK[aggregation];

/** Values of subjects by step: what came in one step of a subject is put together first. */
export class StepValues {
  readonly #values: Float64Array;
  readonly #weights: Float64Array;
  readonly #steps: number;
  readonly #aggregation: Aggregation;

  constructor(subjects: number, steps: number, aggregation: Aggregation) {
    this.#values = new Float64Array(subjects * steps);
    this.#weights = new Float64Array(subjects * steps);
    this.#steps = steps;
    this.#aggregation = aggregation;
  }

  /** @param weight how many samples the value is of */
  add(subject: number, step: number, value: number, weight: number): void {
    const at = subject * this.#steps + step;
    const before = this.#values[at] ?? 0;
    const isFirst = this.#weights[at] === 0;
    this.#weights[at] = (this.#weights[at] ?? 0) + weight;
    if (this.#aggregation === "maximum") this.#values[at] = isFirst ? value : Math.max(before, value);
    else if (this.#aggregation === "minimum") this.#values[at] = isFirst ? value : Math.min(before, value);
    else this.#values[at] = before + value * weight;
  }

  /** Of these subjects, one value and the number of subjects that had one for each step. */
  together(subjects: readonly number[]): { values: number[]; counts: number[] } {
    const perStep = Array.from({ length: this.#steps }, (_, step) => {
      const values: number[] = [];
      for (const subject of subjects) {
        const at = subject * this.#steps + step;
        const weight = this.#weights[at] ?? 0;
        if (weight > 0) values.push(this.#valueOf(this.#values[at] ?? 0, weight));
      }
      return values;
    });
    return {
      values: perStep.map((values) => aggregate(values, this.#aggregation)),
      counts: perStep.map((values) => values.length),
    };
  }

  #valueOf(value: number, weight: number): number {
    return this.#aggregation === "maximum" || this.#aggregation === "minimum" ? value : value / weight;
  }
}

const P95 = 0.95;

export function aggregate(values: readonly number[], aggregation: Aggregation): number {
  if (values.length === 0) return Number.NaN;
  const sum = values.reduce((total, value) => total + value, 0);
  if (aggregation === "sum") return sum;
  if (aggregation === "average") return sum / values.length;
  if (aggregation === "maximum") return values.reduce((most, value) => Math.max(most, value));
  if (aggregation === "minimum") return values.reduce((least, value) => Math.min(least, value));
  // The nearest rank: a value that one of them has, also with few.
  return values.toSorted((a, b) => a - b)[Math.ceil(values.length * P95) - 1] ?? Number.NaN;
}
