import { steppedValue } from "./codec-column.ts";
import { pack, unpack } from "./codec.ts";
import { stepsOf, type SubjectKind } from "./model.ts";
import type { ColumnStatistics } from "./statistics.ts";
import { Reader, Writer } from "./varint.ts";

/**
 * The figures that are kept by column too, for questions over many: those without a device, and sums over the devices.
 * Their places are part of what is stored: add at the end.
 */
const HOST_SERIES = [
  "cpu_used_ratio",
  "cpu_iowait_ratio",
  "cpu_steal_ratio",
  "load_1m",
  "memory_used_bytes",
  "memory_total_bytes",
  "swap_used_bytes",
  "uptime_seconds",
  "disk_read_bytes_per_second",
  "disk_write_bytes_per_second",
  "network_receive_bytes_per_second",
  "network_transmit_bytes_per_second",
] as const;
const CONTAINER_SERIES = [
  "cpu_used_cores",
  "memory_used_bytes",
  "memory_limit_bytes",
  "network_receive_bytes_per_second",
  "network_transmit_bytes_per_second",
  "block_read_bytes_per_second",
  "block_write_bytes_per_second",
  "processes",
] as const;
const CONTAINERS_FROM = 1000;

/** Names with their numbers in the table. */
export const SERIES: Record<SubjectKind, ReadonlyMap<string, number>> = {
  host: new Map(HOST_SERIES.map((name, i) => [name, i])),
  container: new Map(CONTAINER_SERIES.map((name, i) => [name, CONTAINERS_FROM + i])),
};

/** What an answer needs of a subject's statistics. */
export type ColumnFigures = Pick<ColumnStatistics, "average" | "maximum" | "minimum" | "count">;

/** The statistics of a subject that are kept by column: those of devices as their sum. */
export function seriesOf(
  kind: SubjectKind,
  columns: ReadonlyMap<string, ColumnFigures>,
): ReadonlyMap<string, ColumnFigures> {
  const found = new Map<string, ColumnFigures>();
  for (const [name, figures] of columns) {
    const colon = name.indexOf(":");
    const column = colon < 0 ? name : name.slice(0, colon);
    if (!SERIES[kind].has(column) || figures.count === 0) continue;
    const before = found.get(column);
    found.set(column, before === undefined ? figures : sumOf(before, figures));
  }
  return found;
}

const sumOf = (a: ColumnFigures, b: ColumnFigures): ColumnFigures => ({
  average: a.average + b.average,
  maximum: a.maximum + b.maximum,
  minimum: a.minimum + b.minimum,
  count: Math.max(a.count, b.count),
});

const stepsOfSeries = (kind: SubjectKind, name: string): number =>
  stepsOf(kind, name) ?? stepsOf(kind, `${name}:`) ?? 1;

/** @param figures by number of the subject, rising */
export function encodeColumn(
  kind: SubjectKind,
  name: string,
  figures: readonly (readonly [number, ColumnFigures])[],
): Buffer {
  const steps = stepsOfSeries(kind, name);
  const writer = new Writer();
  writer.unsigned(figures.length);
  const differences = (values: readonly number[]): void => {
    let before = 0;
    for (const value of values) {
      writer.signed(value - before);
      before = value;
    }
  };
  const averages = figures.map(([, { average }]) => steppedValue(average, steps));
  differences(figures.map(([subject]) => subject));
  differences(averages);
  // An average is rounded: it may be a step beyond what it is of.
  figures.forEach(([, { maximum }], i) => writer.signed(steppedValue(maximum, steps) - (averages[i] ?? 0)));
  figures.forEach(([, { minimum }], i) => writer.signed((averages[i] ?? 0) - steppedValue(minimum, steps)));
  differences(figures.map(([, { count }]) => count));
  return pack(writer.bytes());
}

/** Calls back for each subject of the chunk. */
export function eachOfColumn(
  kind: SubjectKind,
  name: string,
  chunk: Uint8Array,
  use: (subject: number, figures: ColumnFigures) => void,
): void {
  const steps = stepsOfSeries(kind, name);
  const reader = new Reader(unpack(chunk));
  const length = reader.unsigned();
  const differences = (): number[] => {
    let value = 0;
    return Array.from({ length }, () => (value += reader.signed()));
  };
  const subjects = differences();
  const averages = differences();
  const above = Array.from({ length }, () => reader.signed());
  const below = Array.from({ length }, () => reader.signed());
  const counts = differences();
  subjects.forEach((subject, i) => {
    const average = averages[i] ?? 0;
    use(subject, {
      average: average / steps,
      maximum: (average + (above[i] ?? 0)) / steps,
      minimum: (average - (below[i] ?? 0)) / steps,
      count: counts[i] ?? 0,
    });
  });
}
