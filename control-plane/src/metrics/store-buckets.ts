import { sql, type RawBuilder } from "kysely";
import type { UnitOfWork } from "../platform/index.ts";
import { BUCKET_MS } from "./model.ts";
import type { PendingBucket, StoredChunk } from "./store.ts";

/** Statistics of five minutes; `times` as a chunk without columns, undefined in what older versions wrote. */
export interface RolledChunk extends StoredChunk {
  readonly times: Uint8Array | undefined;
}

interface Row {
  number: number;
  host_id: string;
  container_id: string;
  at: Date;
  layout: number;
  chunk: Buffer;
}

/** The buckets as a table `b` with their place in the list; `span` is about the time of all, so that others' partitions stay shut. */
function tableOf(buckets: readonly PendingBucket[]): { table: RawBuilder<unknown>; span: RawBuilder<unknown> } {
  const times = buckets.map(({ bucket }) => bucket.getTime());
  const from = new Date(Math.min(...times));
  const to = new Date(Math.max(...times) + BUCKET_MS);
  return {
    table: sql`unnest(${buckets.map(({ hostId }) => hostId)}::text[], ${buckets.map((one) => one.containerId)}::text[],
      ${buckets.map(({ bucket }) => bucket)}::timestamptz[]) WITH ORDINALITY AS b (host_id, container_id, bucket, number)`,
    span: sql`r.at >= ${from} AND r.at < ${to}`,
  };
}

// PostgreSQL counts from one.
const numbered = (row: Row): { number: number; chunk: StoredChunk } => ({
  number: Number(row.number) - 1,
  chunk: { hostId: row.host_id, containerId: row.container_id, at: row.at, layout: row.layout, bytes: row.chunk },
});

/** Chunks of samples by time, each with the place of its bucket in the list. */
export async function readRawOfBuckets(
  tx: UnitOfWork,
  buckets: readonly PendingBucket[],
): Promise<{ number: number; chunk: StoredChunk }[]> {
  const { table, span } = tableOf(buckets);
  const answer = await sql<Row>`SELECT b.number, r.host_id, r.container_id, r.at, r.layout, r.chunk
    FROM ${table} JOIN metric_raw r ON r.host_id = b.host_id AND r.container_id = b.container_id
      AND r.at >= b.bucket AND r.at < b.bucket + interval '5 minutes'
    WHERE ${span} ORDER BY b.number, r.at`.execute(tx.queries);
  return answer.rows.map(numbered);
}

/** Statistics, each with the place of its bucket in the list. */
export async function readRolledOfBuckets(
  tx: UnitOfWork,
  buckets: readonly PendingBucket[],
): Promise<{ number: number; chunk: RolledChunk }[]> {
  const { table, span } = tableOf(buckets);
  const answer = await sql<
    Row & { times: Buffer | null }
  >`SELECT b.number, r.host_id, r.container_id, r.at, r.layout, r.chunk, r.times
    FROM ${table} JOIN metric_5m r ON r.host_id = b.host_id AND r.container_id = b.container_id AND r.at = b.bucket
    WHERE ${span}`.execute(tx.queries);
  return answer.rows.map((row) => {
    const { number, chunk } = numbered(row);
    return { number, chunk: { ...chunk, times: row.times ?? undefined } };
  });
}

export async function deleteRawOfBuckets(tx: UnitOfWork, buckets: readonly PendingBucket[]): Promise<void> {
  if (buckets.length === 0) return;
  const { table, span } = tableOf(buckets);
  await sql`DELETE FROM metric_raw r USING ${table} WHERE r.host_id = b.host_id AND r.container_id = b.container_id
    AND r.at >= b.bucket AND r.at < b.bucket + interval '5 minutes' AND ${span}`.execute(tx.queries);
}

export async function upsertRolled(
  tx: UnitOfWork,
  organizationId: string,
  chunks: readonly RolledChunk[],
): Promise<void> {
  if (chunks.length === 0) return;
  await sql`INSERT INTO metric_5m (organization_id, host_id, container_id, at, layout, chunk, times)
    SELECT ${organizationId}, * FROM unnest(
      ${chunks.map((chunk) => chunk.hostId)}::text[], ${chunks.map((chunk) => chunk.containerId)}::text[],
      ${chunks.map((chunk) => chunk.at)}::timestamptz[], ${chunks.map((chunk) => chunk.layout)}::integer[],
      ${chunks.map((chunk) => Buffer.from(chunk.bytes))}::bytea[],
      ${chunks.map(({ times }) => (times === undefined ? null : Buffer.from(times)))}::bytea[])
    ON CONFLICT (host_id, container_id, at)
      DO UPDATE SET layout = excluded.layout, chunk = excluded.chunk, times = excluded.times`.execute(tx.queries);
}
