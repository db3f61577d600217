import { sql } from "kysely";
import { numberArray, textArray, timeArray, type UnitOfWork } from "../platform/index.ts";

/** Samples of a bucket of five minutes; several where some were late. */
export interface SampleChunk {
  readonly organizationId: string;
  readonly subject: number;
  readonly at: Date;
  readonly layout: number;
  readonly chunk: Uint8Array;
}

/** Statistics of a bucket. */
export interface TierRow extends SampleChunk {
  /** How many samples it is of. */
  readonly samples: number;
  /** Their times as a chunk without columns; undefined in what older versions wrote, and where it was not asked for. */
  readonly times: Uint8Array | undefined;
}

/** Of five minutes, or of half an hour. */
export type Tier = "metric_buckets" | "metric_halves";
export type ColumnTier = "metric_column_buckets" | "metric_column_halves";

/** One figure of some subjects. */
export interface ColumnChunk {
  readonly organizationId: string;
  readonly series: number;
  readonly at: Date;
  readonly firstSubject: number;
  readonly chunk: Uint8Array;
}

export interface TimeRange {
  readonly from: Date;
  readonly to: Date;
}

/** Chunks as one parameter, and where each begins, from one, and its length. */
function joined(chunks: readonly Uint8Array[]): { all: Buffer; starts: number[]; lengths: number[] } {
  let next = 1;
  const starts = chunks.map(({ length }) => (next += length) - length);
  return { all: Buffer.concat(chunks), starts, lengths: chunks.map(({ length }) => length) };
}

/** @param slot the same one again adds nothing */
export async function insertSamples(tx: UnitOfWork, slot: string, rows: readonly SampleChunk[]): Promise<void> {
  if (rows.length === 0) return;
  const { all, starts, lengths } = joined(rows.map(({ chunk }) => chunk));
  await sql`INSERT INTO metric_samples (organization_id, subject, at, slot, layout, chunk)
    SELECT o, s, at, ${slot}::bigint, l, substring(${all}::bytea FROM start FOR length) FROM unnest(
      ${textArray(rows.map((row) => row.organizationId))}::text[], ${numberArray(rows.map((row) => row.subject))}::integer[],
      ${timeArray(rows.map((row) => row.at))}::timestamptz[], ${numberArray(rows.map((row) => row.layout))}::integer[],
      ${numberArray(starts)}::integer[], ${numberArray(lengths)}::integer[]) AS part (o, s, at, l, start, length)
    ON CONFLICT DO NOTHING`.execute(tx.queries);
}

export async function upsertTier(tx: UnitOfWork, tier: Tier, rows: readonly TierRow[]): Promise<void> {
  if (rows.length === 0) return;
  const { all, starts, lengths } = joined(rows.flatMap(({ chunk, times }) => [chunk, times ?? Buffer.alloc(0)]));
  const even = (numbers: readonly number[]): number[] => numbers.filter((_, i) => i % 2 === 0);
  const odd = (numbers: readonly number[]): number[] => numbers.filter((_, i) => i % 2 === 1);
  await sql`INSERT INTO ${sql.table(tier)} (organization_id, subject, at, layout, samples, chunk, times)
    SELECT o, s, at, l, n, substring(given.all_bytes FROM cs FOR cl), nullif(substring(given.all_bytes FROM ts FOR tl), ''::bytea)
    FROM (SELECT ${all}::bytea AS all_bytes) AS given, unnest(
      ${textArray(rows.map((row) => row.organizationId))}::text[], ${numberArray(rows.map((row) => row.subject))}::integer[],
      ${timeArray(rows.map((row) => row.at))}::timestamptz[], ${numberArray(rows.map((row) => row.layout))}::integer[],
      ${numberArray(rows.map((row) => row.samples))}::integer[], ${numberArray(even(starts))}::integer[],
      ${numberArray(even(lengths))}::integer[], ${numberArray(odd(starts))}::integer[], ${numberArray(odd(lengths))}::integer[])
      AS part (o, s, at, l, n, cs, cl, ts, tl)
    ON CONFLICT (subject, at) DO UPDATE SET layout = excluded.layout, samples = excluded.samples, chunk = excluded.chunk, times = excluded.times`.execute(
    tx.queries,
  );
}

interface Row {
  organization_id: string;
  samples: number;
  subject: number;
  at: Date;
  layout: number;
  chunk: Buffer;
  times: Buffer | null;
}

const tierRow = (row: Row): TierRow => ({
  organizationId: row.organization_id,
  subject: row.subject,
  at: row.at,
  layout: row.layout,
  samples: row.samples,
  chunk: row.chunk,
  times: row.times ?? undefined,
});

/** Rows of exactly these subjects and times. */
export async function readTierAt(
  tx: UnitOfWork,
  tier: Tier,
  places: readonly { readonly subject: number; readonly at: Date }[],
): Promise<TierRow[]> {
  if (places.length === 0) return [];
  // About the time of all, so that other partitions stay shut.
  const times = places.map(({ at }) => at.getTime());
  const [first, last] = [new Date(Math.min(...times)), new Date(Math.max(...times))];
  const answer = await sql<Row>`SELECT r.* FROM unnest(
      ${numberArray(places.map(({ subject }) => subject))}::integer[], ${timeArray(places.map(({ at }) => at))}::timestamptz[]) AS p (subject, at)
    JOIN ${sql.table(tier)} r ON r.subject = p.subject AND r.at = p.at
    WHERE r.at >= ${first} AND r.at <= ${last}`.execute(tx.queries);
  return answer.rows.map(tierRow);
}

/** Rows of the subjects whose buckets begin in the time, each subject's by time; at most `limit`. */
export async function readTier(
  tx: UnitOfWork,
  tier: Tier | "metric_samples",
  subjects: readonly number[],
  range: TimeRange,
  limit: number,
): Promise<TierRow[]> {
  if (range.from >= range.to || subjects.length === 0) return [];
  const samples = tier === "metric_samples" ? sql`0` : sql.ref("samples");
  const answer =
    await sql<Row>`SELECT organization_id, subject, at, layout, ${samples} AS samples, chunk, NULL AS times FROM ${sql.table(tier)}
    WHERE subject = ANY(${[...subjects]}::integer[]) AND at >= ${range.from} AND at < ${range.to}
    ORDER BY subject, at LIMIT ${limit}`.execute(tx.queries);
  return answer.rows.map(tierRow);
}

export async function insertColumns(tx: UnitOfWork, tier: ColumnTier, rows: readonly ColumnChunk[]): Promise<void> {
  if (rows.length === 0) return;
  const { all, starts, lengths } = joined(rows.map(({ chunk }) => chunk));
  await sql`WITH written AS MATERIALIZED (SELECT nextval('metric_writes') AS number)
    INSERT INTO ${sql.table(tier)} (organization_id, series, at, written, first_subject, chunk)
    SELECT o, series, at, written.number, first, substring(${all}::bytea FROM start FOR length) FROM written, unnest(
      ${textArray(rows.map((row) => row.organizationId))}::text[], ${numberArray(rows.map((row) => row.series))}::smallint[],
      ${timeArray(rows.map((row) => row.at))}::timestamptz[], ${numberArray(rows.map((row) => row.firstSubject))}::integer[],
      ${numberArray(starts)}::integer[], ${numberArray(lengths)}::integer[]) AS part (o, series, at, first, start, length)`.execute(
    tx.queries,
  );
}

/** A figure of all subjects of the organization; what was written later comes later, and holds. At most `limit` rows. */
export async function readColumns(
  tx: UnitOfWork,
  tier: ColumnTier,
  query: { readonly organizationId: string; readonly series: readonly number[] } & TimeRange,
  limit: number,
): Promise<{ series: number; at: Date; chunk: Buffer }[]> {
  if (query.from >= query.to) return [];
  const answer = await sql<{ series: number; at: Date; chunk: Buffer }>`SELECT series, at, chunk FROM ${sql.table(tier)}
    WHERE organization_id = ${query.organizationId} AND series = ANY(${[...query.series]}::smallint[])
      AND at >= ${query.from} AND at < ${query.to} ORDER BY written LIMIT ${limit}`.execute(tx.queries);
  return answer.rows;
}
