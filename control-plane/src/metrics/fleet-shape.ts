import type { SubjectKind } from "./model.ts";
import { shownColumns, type ShownColumn } from "./shape.ts";

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

// As statistics.ts lays them out; older versions wrote average and maximum only.
const ROWS: Record<Aggregation, number> = { average: 0, sum: 0, p95: 0, maximum: 1, minimum: 2 };

/** The shown column out of the statistics of five minutes. */
export function statisticOf(
  kind: SubjectKind,
  shown: string,
  aggregation: Aggregation,
  rows: ReadonlyMap<string, readonly number[]>,
): { value: number; unit: ShownColumn["unit"] } | undefined {
  const row = ROWS[aggregation];
  const picked = [...rows].map(([name, values]) => [name, [values[row] ?? values[0] ?? Number.NaN]] as const);
  const column = shownColumns(kind, new Map(picked)).find(({ name }) => name === shown);
  const value = column?.values[0];
  return column === undefined || value === undefined || !Number.isFinite(value)
    ? undefined
    : { value, unit: column.unit };
}

/** Values of subjects by step: what came in one step of a subject is put together first. */
export class StepValues {
  readonly #values: Float64Array;
  readonly #counts: Uint32Array;
  readonly #steps: number;
  readonly #aggregation: Aggregation;

  constructor(subjects: number, steps: number, aggregation: Aggregation) {
    this.#values = new Float64Array(subjects * steps);
    this.#counts = new Uint32Array(subjects * steps);
    this.#steps = steps;
    this.#aggregation = aggregation;
  }

  add(subject: number, step: number, value: number): void {
    const at = subject * this.#steps + step;
    const before = this.#values[at] ?? 0;
    const isFirst = this.#counts[at] === 0;
    this.#counts[at] = (this.#counts[at] ?? 0) + 1;
    if (isFirst) this.#values[at] = value;
    else if (this.#aggregation === "maximum") this.#values[at] = Math.max(before, value);
    else if (this.#aggregation === "minimum") this.#values[at] = Math.min(before, value);
    else this.#values[at] = before + value;
  }

  /** Of these subjects, one value and the number of subjects that had one for each step. */
  together(subjects: readonly number[]): { values: number[]; counts: number[] } {
    const perStep = Array.from({ length: this.#steps }, (_, step) =>
      subjects.flatMap((subject) => this.#valueOf(subject * this.#steps + step)),
    );
    return {
      values: perStep.map((values) => aggregate(values, this.#aggregation)),
      counts: perStep.map((values) => values.length),
    };
  }

  #valueOf(at: number): number[] {
    const count = this.#counts[at] ?? 0;
    const value = this.#values[at] ?? 0;
    if (count === 0) return [];
    return [this.#aggregation === "maximum" || this.#aggregation === "minimum" ? value : value / count];
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
