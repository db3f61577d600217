import { sql } from "kysely";
import type { UnitOfWork } from "../platform/index.ts";
import type { ColumnTier, Tier } from "./store-tiers.ts";

export type PartitionedTable = "metric_samples" | Tier | ColumnTier;

export async function makePartition(tx: UnitOfWork, table: PartitionedTable, from: Date, to: Date): Promise<void> {
  await sql`SELECT metric_make_partition(${table}, ${from}, ${to})`.execute(tx.queries);
}

/** Drops partitions that are older as a whole, and removes older rows that lie in none of their own. */
export async function dropBefore(tx: UnitOfWork, table: PartitionedTable, time: Date): Promise<void> {
  await sql`SELECT metric_drop_partitions(${table}, ${time})`.execute(tx.queries);
  await sql`DELETE FROM ${sql.table(table)} WHERE at < ${time}`.execute(tx.queries);
}

/** Drops statistics of five minutes that are older, but none of which half an hour is not made. `time` is a full day. */
export async function dropBucketsBefore(tx: UnitOfWork, time: Date): Promise<void> {
  // Nothing is marked while it drops: a late batch waits, and then lies in the default partition.
  await sql`LOCK TABLE metric_half_pending IN SHARE MODE`.execute(tx.queries);
  const answer = await sql<{ limit: Date }>`SELECT least(${time}::timestamptz,
    (SELECT date_trunc('day', min(at), 'UTC') FROM metric_half_pending)) AS limit`.execute(tx.queries);
  await dropBefore(tx, "metric_buckets", answer.rows[0]?.limit ?? time);
}
