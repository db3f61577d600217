import type { UnitOfWork } from "../platform/index.ts";
import { seriesOf, encodeColumn, SERIES, type ColumnFigures } from "./columns.ts";
import { decodeChunk, encodeChunk } from "./codec.ts";
import { layoutsOf, type Layouts } from "./layouts.ts";
import { kindOf, type Samples, type SubjectKind } from "./model.ts";
import { statisticsAsSamples, statisticsFromSamples, type Statistics } from "./statistics.ts";
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
export async function writeStatistics(tx: UnitOfWork, tier: Tier, changed: readonly Changed[]): Promise<void> {
  const layouts = layoutsOf(tx);
  const rows: TierRow[] = [];
  for (const one of changed) rows.push(await tierRowOf(layouts, one));
  await upsertTier(tx, tier, rows);
  await insertColumns(tx, COLUMN_TIERS[tier], columnChunksOf(changed));
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

function columnChunksOf(changed: readonly Changed[]): ColumnChunk[] {
  const groups = new Map<string, ColumnGroup>();
  for (const { subject, statistics } of changed) {
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
  return [...groups.values()].map(({ organizationId, kind, name, bucketMs, figures }) => {
    const rising = figures.toSorted(([a], [b]) => a - b);
    return {
      organizationId,
      series: SERIES[kind].get(name) ?? 0,
      at: new Date(bucketMs),
      firstSubject: rising[0]?.[0] ?? 0,
      chunk: encodeColumn(kind, name, rising),
    };
  });
}

/** Throws where it cannot be read. */
export function statisticsOfRow(kind: SubjectKind, row: TierRow, names: readonly string[]): Statistics {
  const times = row.times && decodeChunk(kind, { names: [], bytes: row.times }).atMs;
  return statisticsFromSamples(kind, decodeChunk(kind, { names, bytes: row.chunk }), times);
}

/** The averages of a row as one sample at its begin, and how many samples each is of. */
export function averagesOfRow(
  kind: SubjectKind,
  row: TierRow,
  names: readonly string[],
): { samples: Samples; counts: ReadonlyMap<string, number> } {
  const { columns } = statisticsFromSamples(
    kind,
    decodeChunk(kind, { names, bytes: row.chunk }),
    undefined,
    row.samples,
  );
  return {
    samples: { atMs: [row.at.getTime()], columns: new Map([...columns].map(([name, one]) => [name, [one.average]])) },
    counts: new Map([...columns].map(([name, one]) => [name, one.count])),
  };
}
