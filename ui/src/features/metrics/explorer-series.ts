import type { FleetMetrics } from "@windflow/proto/client";

export interface ExplorerLine {
  group: string;
  /** Of the earlier range. */
  isEarlier: boolean;
  values: (number | null)[];
  counts: number[];
}
export interface ExplorerResult {
  atMs: number[];
  stepSeconds: number;
  unit: string;
  lines: ExplorerLine[];
  /** Up to here everything that came is in it; milliseconds. */
  completeUntilMs: number | undefined;
}

const known = (value: unknown): number | null => (typeof value === "number" && Number.isFinite(value) ? value : null);

/** The answer of a range, with the one of an earlier range laid over it. What is not known stays a gap. */
export function resultOf(now: FleetMetrics, earlier: FleetMetrics | undefined, offsetMs: number): ExplorerResult {
  const atMs = now.atMs ?? [];
  const lines = (now.series ?? []).map((series): ExplorerLine => ({
    group: series.group ?? "",
    isEarlier: false,
    values: (series.values ?? []).map(known),
    counts: series.counts ?? [],
  }));
  const places = new Map((earlier?.atMs ?? []).map((at, index) => [at + offsetMs, index]));
  const before = (earlier?.series ?? []).map((series): ExplorerLine => {
    const at = (index: number): number | undefined => places.get(atMs[index] ?? 0);
    return {
      group: series.group ?? "",
      isEarlier: true,
      values: atMs.map((_, index) => known(series.values?.[at(index) ?? -1])),
      counts: atMs.map((_, index) => series.counts?.[at(index) ?? -1] ?? 0),
    };
  });
  return {
    atMs,
    stepSeconds: now.stepSeconds ?? 0,
    unit: now.unit || earlier?.unit || "",
    lines: [...lines, ...before],
    completeUntilMs: now.completeUntil ? Date.parse(now.completeUntil) : undefined,
  };
}

export interface GroupFacts {
  group: string;
  last: number | null;
  average: number | null;
  highest: number | null;
  /** Average of the earlier range; undefined when nothing is compared. */
  earlier: number | null | undefined;
  /** Hosts or containers of the last step that has any. */
  count: number;
}
const mean = (values: readonly (number | null)[]): number | null => {
  const numbers = values.filter((value) => value !== null);
  return numbers.length === 0 ? null : numbers.reduce((sum, value) => sum + value, 0) / numbers.length;
};

/** One line of figures for each group, those with the highest averages first. */
export function groupFacts(lines: readonly ExplorerLine[]): GroupFacts[] {
  const earlier = new Map(lines.filter((line) => line.isEarlier).map((line) => [line.group, mean(line.values)]));
  const facts = lines
    .filter((line) => !line.isEarlier)
    .map((line) => {
      const numbers = line.values.filter((value) => value !== null);
      return {
        group: line.group,
        last: numbers.at(-1) ?? null,
        average: mean(line.values),
        highest: numbers.length === 0 ? null : numbers.reduce((most, value) => Math.max(most, value)),
        earlier: earlier.size === 0 ? undefined : (earlier.get(line.group) ?? null),
        count: line.counts.findLast((count) => count > 0) ?? 0,
      };
    });
  return facts.toSorted((a, b) => (b.average ?? -1) - (a.average ?? -1) || a.group.localeCompare(b.group));
}

/** A spreadsheet takes what begins with one of these for a formula. */
const FORMULA = /^[=+\-@\t\r]/;
function cell(value: string | number | null): string {
  if (value === null) return "";
  if (typeof value === "number") return String(value);
  const text = FORMULA.test(value) ? `'${value}` : value;
  return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** All lines as comma-separated values: a line a step, a column a group and its count; a gap is an empty cell. */
export function toCsv(result: ExplorerResult, nameOf: (line: ExplorerLine) => string, countName: string): string {
  const head = ["time", ...result.lines.flatMap((line) => [nameOf(line), `${nameOf(line)} ${countName}`])];
  const rows = result.atMs.map((at, index) => [
    new Date(at).toISOString(),
    ...result.lines.flatMap((line) => [line.values[index] ?? null, line.counts[index] ?? 0]),
  ]);
  return [head, ...rows].map((row) => row.map(cell).join(",")).join("\n");
}
