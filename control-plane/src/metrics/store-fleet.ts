import { sql } from "kysely";
import type { UnitOfWork } from "../platform/index.ts";
import type { StoredChunk } from "./store.ts";

/** The subjects of a query: the hosts themselves, or these containers of them. */
export interface Subjects {
  readonly hostIds: readonly string[];
  /** Undefined: the hosts themselves. */
  readonly containerIds: readonly string[] | undefined;
}

export interface TimeRange {
  readonly from: Date;
  readonly to: Date;
}

interface Row {
  host_id: string;
  container_id: string;
  at: Date;
  layout: number;
  chunk: Buffer;
}

const containersOf = ({ containerIds }: Subjects): string[] => [...(containerIds ?? [""])];

/** Statistics of all of them, in no order; at most `limit`. */
export async function readRolledOf(
  tx: UnitOfWork,
  subjects: Subjects,
  range: TimeRange,
  limit: number,
): Promise<StoredChunk[]> {
  const answer = await sql<Row>`SELECT host_id, container_id, at, layout, chunk FROM metric_5m
    WHERE host_id = ANY(${[...subjects.hostIds]}) AND container_id = ANY(${containersOf(subjects)})
      AND at >= ${range.from} AND at < ${range.to} LIMIT ${limit}`.execute(tx.queries);
  return answer.rows.map(chunkOf);
}

/** Buckets of the range that are not rolled up, or not with all of it; how many and the first one. */
export async function countPending(
  tx: UnitOfWork,
  subjects: Subjects,
  range: TimeRange,
): Promise<{ count: number; first: Date | undefined }> {
  const answer = await sql<{ n: bigint; first: Date | null }>`SELECT count(*) AS n, min(bucket) AS first
    FROM metric_pending WHERE host_id = ANY(${[...subjects.hostIds]}) AND container_id = ANY(${containersOf(subjects)})
      AND bucket >= ${range.from} AND bucket < ${range.to}`.execute(tx.queries);
  const [row] = answer.rows;
  return { count: Number(row?.n ?? 0), first: row?.first ?? undefined };
}

/** The samples of those buckets, each subject's by time; at most `limit`. */
export async function readPendingOf(
  tx: UnitOfWork,
  subjects: Subjects,
  range: TimeRange,
  limit: number,
): Promise<(StoredChunk & { readonly bucket: Date })[]> {
  const answer = await sql<Row & { bucket: Date }>`
    SELECT r.host_id, r.container_id, r.at, r.layout, r.chunk, p.bucket FROM metric_pending p JOIN metric_raw r
      ON r.host_id = p.host_id AND r.container_id = p.container_id
      AND r.at >= p.bucket AND r.at < p.bucket + interval '5 minutes'
    WHERE p.host_id = ANY(${[...subjects.hostIds]}) AND p.container_id = ANY(${containersOf(subjects)})
      AND p.bucket >= ${range.from} AND p.bucket < ${range.to}
      AND r.at >= ${range.from} AND r.at < ${range.to}
    ORDER BY r.host_id, r.container_id, r.at LIMIT ${limit}`.execute(tx.queries);
  return answer.rows.map((row) => ({ ...chunkOf(row), bucket: row.bucket }));
}

function chunkOf(row: Row): StoredChunk {
  return { hostId: row.host_id, containerId: row.container_id, at: row.at, layout: row.layout, bytes: row.chunk };
}

/** The last chunk of each of the hosts and of their containers. */
export async function readLatest(
  tx: UnitOfWork,
  hostIds: readonly string[],
  since: Date,
  limit: number,
): Promise<StoredChunk[]> {
  const answer = await sql<Row>`SELECT DISTINCT ON (host_id, container_id) host_id, container_id, at, layout, chunk
    FROM metric_raw WHERE host_id = ANY(${[...hostIds]}) AND at >= ${since}
    ORDER BY host_id, container_id, at DESC LIMIT ${limit}`.execute(tx.queries);
  return answer.rows.map(chunkOf);
}
