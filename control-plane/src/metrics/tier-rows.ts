import type { Breathe, UnitOfWork } from "../platform/index.ts";
import { seriesOf, encodeColumn, SERIES, type ColumnFigures } from "./columns.ts";
import { decodeChunk, encodeChunk } from "./codec.ts";
import { layoutsOf, type Layouts } from "./layouts.ts";
import { kindOf, type SubjectKind } from "./model.ts";
import type { Weighted } from "./shape.ts";
import { countOf, statisticsAsSamples, statisticsFromSamples, type Statistics } from "./statistics.ts";
import {
  insertColumns,
  upsertTier,
  type ColumnChunk,
  type ColumnTier,
  type Tier,
  type TierRow,
} from "./store-tiers.ts";
import type { NumberedSubject } from "./subjects.ts";

/** Statistics of a subject that have changed. */
export interface Changed {
  readonly subject: NumberedSubject;
  readonly statistics: Statistics;
}

export const COLUMN_TIERS: Record<Tier, ColumnTier> = {
  metric_buckets: "metric_column_buckets",
  metric_halves: "metric_column_halves",
};

/** Writes statistics by subject and by column. */
export async function writeStatistics(
  tx: UnitOfWork,
  tier: Tier,
  changed: readonly Changed[],
  breathe: Breathe,
): Promise<void> {
  await writeRows(tx, tier, changed, breathe);
  await writeColumns(tx, tier, changed, breathe);
}

/** Writes statistics by subject. */
export async function writeRows(
  tx: UnitOfWork,
  tier: Tier,
  changed: readonly Changed[],
  breathe: Breathe,
): Promise<void> {
  const layouts = layoutsOf(tx);
  const rows: TierRow[] = [];
  for (const one of changed) {
    await breathe();
    rows.push(await tierRowOf(layouts, one));
  }
  await upsertTier(tx, tier, rows);
}

/** Writes statistics by column: the more subjects at once, the less room a figure takes and the fewer rows a query reads. */
export async function writeColumns(
  tx: UnitOfWork,
  tier: Tier,
  changed: readonly Changed[],
  breathe: Breathe,
): Promise<void> {
  await insertColumns(tx, COLUMN_TIERS[tier], await columnChunksOf(changed, breathe));
}

async function tierRowOf(layouts: Layouts, { subject, statistics }: Changed): Promise<TierRow> {
  const { organizationId, number } = subject;
  const kind = kindOf(subject);
  const { names, bytes } = encodeChunk(kind, statisticsAsSamples(kind, statistics));
  const seconds = statistics.seconds ?? [];
  return {
    organizationId,
    subject: number,
    at: new Date(statistics.bucketMs),
    layout: await layouts.numberOf(organizationId, names),
    samples: seconds.length,
    chunk: bytes,
    times: encodeChunk(kind, { atMs: seconds, columns: new Map() }).bytes,
  };
}

interface ColumnGroup {
  readonly organizationId: string;
  readonly kind: SubjectKind;
  readonly name: string;
  readonly bucketMs: number;
  readonly figures: [number, ColumnFigures][];
}

async function columnChunksOf(changed: readonly Changed[], breathe: Breathe): Promise<ColumnChunk[]> {
  const groups = new Map<string, ColumnGroup>();
  for (const { subject, statistics } of changed) {
    await breathe();
    const kind = kindOf(subject);
    const { organizationId, number } = subject;
    const { bucketMs } = statistics;
    for (const [name, figures] of seriesOf(kind, statistics.columns)) {
      const key = `${organizationId} ${kind} ${name} ${bucketMs}`;
      const group = groups.get(key) ?? { organizationId, kind, name, bucketMs, figures: [] };
      group.figures.push([number, figures]);
      groups.set(key, group);
    }
  }
  const chunks: ColumnChunk[] = [];
  for (const { organizationId, kind, name, bucketMs, figures } of groups.values()) {
    await breathe();
    const rising = figures.toSorted(([a], [b]) => a - b);
    chunks.push({
      organizationId,
      series: SERIES[kind].get(name) ?? 0,
      at: new Date(bucketMs),
      firstSubject: rising[0]?.[0] ?? 0,
      chunk: encodeColumn(kind, name, rising),
    });
  }
  return chunks;
}

/** Throws where it cannot be read. */
export function statisticsOfRow(kind: SubjectKind, row: TierRow, names: readonly string[]): Statistics {
  const times = row.times && decodeChunk(kind, { names: [], bytes: row.times }).atMs;
  return statisticsFromSamples(kind, decodeChunk(kind, { names, bytes: row.chunk }), times);
}

/** The averages of rows as samples at their begins, and how many samples each is of. */
export function averagesOfRows(
  kind: SubjectKind,
  rows: readonly TierRow[],
  names: ReadonlyMap<number, readonly string[]>,
): Weighted[] {
  return [...Map.groupBy(rows, ({ layout }) => layout)].map(([layout, members]) => {
    const list = names.get(layout) ?? [];
    const columns = new Map<string, number[]>(list.map((name) => [name, []]));
    const counts = new Map<string, number[]>(list.map((name) => [name, []]));
    for (const { chunk, samples } of members) {
      for (const [name, values] of decodeChunk(kind, { names: list, bytes: chunk }).columns) {
        columns.get(name)?.push(values[0] ?? Number.NaN);
        counts.get(name)?.push(countOf(kind, name, values, samples));
      }
    }
    return { samples: { atMs: members.map(({ at }) => at.getTime()), columns }, counts };
  });
}
