import { sql } from "kysely";
import { sha256Hex, tablesOf, type UnitOfWork } from "../platform/index.ts";
import type { Subject } from "./model.ts";

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
  metric_5m: ChunkTable;
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

export async function upsertChunk(
  tx: UnitOfWork,
  table: ChunkTableName,
  organizationId: string,
  chunk: StoredChunk,
): Promise<void> {
  const values = { layout: chunk.layout, chunk: Buffer.from(chunk.bytes) };
  await tablesOf<Tables>(tx)
    .insertInto(table)
    .values({
      organization_id: organizationId,
      host_id: chunk.hostId,
      container_id: chunk.containerId,
      at: chunk.at,
      ...values,
    })
    .onConflict((conflict) => conflict.columns(["host_id", "container_id", "at"]).doUpdateSet(values))
    .execute();
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

export async function deleteRaw(
  tx: UnitOfWork,
  subject: Subject,
  range: { readonly from: Date; readonly to: Date },
): Promise<void> {
  await tablesOf<Tables>(tx)
    .deleteFrom("metric_raw")
    .where("host_id", "=", subject.hostId)
    .where("container_id", "=", subject.containerId)
    .where("at", ">=", range.from)
    .where("at", "<", range.to)
    .execute();
}

export async function insertPending(
  tx: UnitOfWork,
  organizationId: string,
  pending: readonly (Subject & { readonly bucket: Date })[],
): Promise<void> {
  if (pending.length === 0) return;
  await sql`INSERT INTO metric_pending (organization_id, host_id, container_id, bucket)
    SELECT DISTINCT ${organizationId}, * FROM unnest(
      ${pending.map((one) => one.hostId)}::text[], ${pending.map((one) => one.containerId)}::text[],
      ${pending.map((one) => one.bucket)}::timestamptz[])
    ON CONFLICT DO NOTHING`.execute(tx.queries);
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

/** Drops the partitions that end before the time, and what of the default partition is older. */
export async function dropBefore(tx: UnitOfWork, table: ChunkTableName, time: Date): Promise<void> {
  await sql`SELECT metric_drop_partitions(${table}, ${time})`.execute(tx.queries);
  await tablesOf<Tables>(tx).deleteFrom(table).where("at", "<", time).execute();
}
