import { sql, type RawBuilder } from "kysely";
import { sha256Hex, tablesOf, type UnitOfWork } from "../platform/index.ts";
import { BUCKET_MS, type Subject } from "./model.ts";

interface ChunkTable {
  organization_id: string;
  host_id: string;
  container_id: string;
  at: Date;
  layout: number;
  chunk: Buffer;
}
interface Tables {
  metric_layouts: { id: number; organization_id: string; names: string[]; names_sha256: string };
  metric_raw: ChunkTable;
  metric_5m: ChunkTable & { times: Buffer | null };
  metric_pending: { organization_id: string; host_id: string; container_id: string; bucket: Date };
}

export type ChunkTableName = "metric_raw" | "metric_5m";

export interface StoredChunk extends Subject {
  readonly at: Date;
  readonly layout: number;
  readonly bytes: Uint8Array;
}

/** The number of a list of column names; the same list has the same number for ever. */
export async function layoutOf(tx: UnitOfWork, organizationId: string, names: readonly string[]): Promise<number> {
  const digest = sha256Hex(JSON.stringify(names));
  const find = async (): Promise<number | undefined> => {
    const row = await tablesOf<Tables>(tx)
      .selectFrom("metric_layouts")
      .select("id")
      .where("organization_id", "=", organizationId)
      .where("names_sha256", "=", digest)
      .executeTakeFirst();
    return row?.id;
  };
  const existing = await find();
  if (existing !== undefined) return existing;
  await sql`INSERT INTO metric_layouts (organization_id, names, names_sha256)
    VALUES (${organizationId}, ${[...names]}, ${digest}) ON CONFLICT DO NOTHING`.execute(tx.queries);
  const made = await find();
  if (made === undefined) throw new Error("a list of column names was not stored");
  return made;
}

export async function namesOf(tx: UnitOfWork, layouts: readonly number[]): Promise<Map<number, string[]>> {
  if (layouts.length === 0) return new Map();
  const rows = await tablesOf<Tables>(tx)
    .selectFrom("metric_layouts")
    .select(["id", "names"])
    .where("id", "in", [...new Set(layouts)])
    .execute();
  return new Map(rows.map((row) => [row.id, row.names]));
}

/** Adds chunks; one that begins at the same moment as a stored one of its subject is the same one and stays out. */
export async function insertRaw(tx: UnitOfWork, organizationId: string, chunks: readonly StoredChunk[]): Promise<void> {
  if (chunks.length === 0) return;
  await sql`INSERT INTO metric_raw (organization_id, host_id, container_id, at, layout, chunk)
    SELECT ${organizationId}, * FROM unnest(
      ${chunks.map((chunk) => chunk.hostId)}::text[], ${chunks.map((chunk) => chunk.containerId)}::text[],
      ${chunks.map((chunk) => chunk.at)}::timestamptz[], ${chunks.map((chunk) => chunk.layout)}::integer[],
      ${chunks.map((chunk) => Buffer.from(chunk.bytes))}::bytea[])
    ON CONFLICT DO NOTHING`.execute(tx.queries);
}

// Of one subject a week of buckets that were not rolled up yet, which is far more than any that was late.
const MOST_PENDING_CHUNKS = 20_000;

/** What came for buckets of the time that are not rolled up yet, or not with all of it. */
export async function readPendingRaw(
  tx: UnitOfWork,
  subject: Subject,
  range: { readonly from: Date; readonly to: Date },
): Promise<StoredChunk[]> {
  const answer = await sql<{ at: Date; layout: number; chunk: Buffer }>`
    SELECT r.at, r.layout, r.chunk FROM metric_pending p JOIN metric_raw r
      ON r.host_id = p.host_id AND r.container_id = p.container_id
      AND r.at >= p.bucket AND r.at < p.bucket + interval '5 minutes'
    WHERE p.host_id = ${subject.hostId} AND p.container_id = ${subject.containerId}
      AND p.bucket >= ${range.from} AND p.bucket < ${range.to}
    ORDER BY r.at LIMIT ${MOST_PENDING_CHUNKS}`.execute(tx.queries);
  return answer.rows.map((row) => ({ ...subject, at: row.at, layout: row.layout, bytes: row.chunk }));
}

/** By time; `from` and `to` are about when chunks begin. */
export async function readChunks(
  tx: UnitOfWork,
  table: ChunkTableName,
  subject: Subject,
  range: { readonly from: Date; readonly to: Date },
): Promise<StoredChunk[]> {
  const rows = await tablesOf<Tables>(tx)
    .selectFrom(table)
    .select(["at", "layout", "chunk"])
    .where("host_id", "=", subject.hostId)
    .where("container_id", "=", subject.containerId)
    .where("at", ">=", range.from)
    .where("at", "<", range.to)
    .orderBy("at")
    .execute();
  return rows.map((row) => ({ ...subject, at: row.at, layout: row.layout, bytes: row.chunk }));
}

/**
 * Marks buckets as not rolled up. Before their chunks are inserted, and for a bucket that is over with a lock: one that
 * is being rolled up at this moment is marked again after that, so that no chunk comes in unseen.
 */
export async function insertPending(
  tx: UnitOfWork,
  organizationId: string,
  pending: readonly (Subject & { readonly bucket: Date })[],
  now: number,
): Promise<void> {
  const over = pending.filter(({ bucket }) => bucket.getTime() + BUCKET_MS <= now);
  const running = pending.filter(({ bucket }) => bucket.getTime() + BUCKET_MS > now);
  await insertMarks(tx, organizationId, running, sql`DO NOTHING`);
  await insertMarks(
    tx,
    organizationId,
    over,
    sql`(host_id, container_id, bucket) DO UPDATE SET bucket = excluded.bucket`,
  );
}

async function insertMarks(
  tx: UnitOfWork,
  organizationId: string,
  pending: readonly (Subject & { readonly bucket: Date })[],
  onConflict: RawBuilder<unknown>,
): Promise<void> {
  if (pending.length === 0) return;
  await sql`INSERT INTO metric_pending (organization_id, host_id, container_id, bucket)
    SELECT DISTINCT ${organizationId}, * FROM unnest(
      ${pending.map((one) => one.hostId)}::text[], ${pending.map((one) => one.containerId)}::text[],
      ${pending.map((one) => one.bucket)}::timestamptz[]) AS marks (host_id, container_id, bucket)
    ORDER BY 2, 3, 4
    ON CONFLICT ${onConflict}`.execute(tx.queries);
}

export interface PendingBucket extends Subject {
  readonly organizationId: string;
  readonly bucket: Date;
}

/** Takes buckets that are over, so that no other replica works on them in this transaction. */
export async function takePending(tx: UnitOfWork, before: Date, limit: number): Promise<PendingBucket[]> {
  const answer = await sql<{ organization_id: string; host_id: string; container_id: string; bucket: Date }>`
    DELETE FROM metric_pending WHERE (host_id, container_id, bucket) IN (
      SELECT host_id, container_id, bucket FROM metric_pending WHERE bucket < ${before}
      ORDER BY bucket LIMIT ${limit} FOR UPDATE SKIP LOCKED)
    RETURNING organization_id, host_id, container_id, bucket`.execute(tx.queries);
  return answer.rows.map((row) => ({
    organizationId: row.organization_id,
    hostId: row.host_id,
    containerId: row.container_id,
    bucket: row.bucket,
  }));
}

export async function makePartition(tx: UnitOfWork, table: ChunkTableName, from: Date, to: Date): Promise<void> {
  await sql`SELECT metric_make_partition(${table}, ${from}, ${to})`.execute(tx.queries);
}

/** Drops what is older of the statistics. */
export async function dropRolledBefore(tx: UnitOfWork, time: Date): Promise<void> {
  await sql`SELECT metric_drop_partitions('metric_5m', ${time})`.execute(tx.queries);
  await tablesOf<Tables>(tx).deleteFrom("metric_5m").where("at", "<", time).execute();
}

/** Drops partitions of samples that are older, but none that is not rolled up. `time` is a full hour. */
export async function dropRawPartitions(tx: UnitOfWork, time: Date): Promise<void> {
  // Nothing is marked while it drops: a late batch waits, and then lies in the default partition.
  await sql`LOCK TABLE metric_pending IN SHARE MODE`.execute(tx.queries);
  await sql`SELECT metric_drop_partitions('metric_raw', least(${time}::timestamptz,
    (SELECT date_trunc('hour', min(bucket), 'UTC') FROM metric_pending)))`.execute(tx.queries);
}

/** Removes older samples that lie in no partition of their own, but none that is not rolled up. */
export async function deleteLateRaw(tx: UnitOfWork, time: Date): Promise<void> {
  await sql`DELETE FROM metric_raw r WHERE r.at < ${time} AND NOT EXISTS (
    SELECT FROM metric_pending p WHERE p.host_id = r.host_id AND p.container_id = r.container_id
      AND r.at >= p.bucket AND r.at < p.bucket + interval '5 minutes')`.execute(tx.queries);
}
