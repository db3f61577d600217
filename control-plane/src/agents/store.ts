import { sql } from "kysely";
import { ObservedState } from "@windflow/proto/agent";
import { numberArray, tablesOf, textArray, type UnitOfWork } from "../platform/index.ts";
import type { HostReference } from "./ports.ts";

interface Tables {
  host_observed: {
    organization_id: string;
    host_id: string;
    at: Date;
    received_at: Date;
    digest: string;
    state: Uint8Array;
  };
  host_spools: {
    organization_id: string;
    host_id: string;
    spool_id: string;
    acknowledged: bigint;
    dropped: bigint;
    updated_at: Date;
  };
}

/** The last observed state that a host sent, also of one that is offline now. */
export async function readObserved(
  tx: UnitOfWork,
  hostId: string,
): Promise<{ at: Date; receivedAt: Date; digest: string; state: ObservedState } | undefined> {
  const row = await tablesOf<Tables>(tx)
    .selectFrom("host_observed")
    .selectAll()
    .where("host_id", "=", hostId)
    .executeTakeFirst();
  return row && { at: row.at, receivedAt: row.received_at, digest: row.digest, state: ObservedState.decode(row.state) };
}

/** Host → digest of its last observed state; a host that never sent one is not in it. */
export async function readObservedDigests(
  tx: UnitOfWork,
  organizationId: string,
  hostIds: readonly string[],
): Promise<Map<string, string>> {
  const rows = await tablesOf<Tables>(tx)
    .selectFrom("host_observed")
    .select(["host_id", "digest"])
    .where("organization_id", "=", organizationId)
    .where(sql<boolean>`host_id = ANY(${[...hostIds]})`)
    .execute();
  return new Map(rows.map((row) => [row.host_id, row.digest]));
}

/** Each of another host; the rows are taken in the order of the list. */
export async function saveObserved(
  tx: UnitOfWork,
  organizationId: string,
  observed: readonly { hostId: string; at: Date; receivedAt: Date; digest: string; state: Uint8Array }[],
): Promise<void> {
  await sql`INSERT INTO host_observed (organization_id, host_id, at, received_at, digest, state)
    SELECT ${organizationId}, host_id, at, received_at, digest, state
    FROM unnest(${observed.map((one) => one.hostId)}::text[], ${observed.map((one) => one.at)}::timestamptz[],
      ${observed.map((one) => one.receivedAt)}::timestamptz[], ${observed.map((one) => one.digest)}::text[],
      ${observed.map((one) => one.state)}::bytea[]) AS told(host_id, at, received_at, digest, state)
    ON CONFLICT (organization_id, host_id) DO UPDATE SET at = excluded.at, received_at = excluded.received_at,
      digest = excluded.digest, state = excluded.state`.execute(tx.queries);
}

// An agent has one spool file and makes a new one when that is lost; the old rows are of no use then.
const SPOOLS_PER_HOST = 4;

/** Host → last sequence of its spool that is stored; a spool that is not known is not in it. */
export async function readAcknowledged(
  tx: UnitOfWork,
  organizationId: string,
  spools: readonly { hostId: string; spoolId: string }[],
): Promise<Map<string, bigint>> {
  const rows = await sql<{ host_id: string; acknowledged: bigint }>`
    SELECT host_spools.host_id, host_spools.acknowledged
    FROM unnest(${spools.map((one) => one.hostId)}::text[], ${spools.map((one) => one.spoolId)}::text[]) AS asked(host_id, spool_id)
    JOIN host_spools ON host_spools.organization_id = ${organizationId} AND host_spools.host_id = asked.host_id
      AND host_spools.spool_id = asked.spool_id`.execute(tx.queries);
  return new Map(rows.rows.map((row) => [row.host_id, row.acknowledged]));
}

export interface SpoolPlace {
  hostId: string;
  spoolId: string;
  acknowledged: bigint;
  dropped: bigint;
}

/**
 * What is stored of these spools, held until the end of the transaction: an older session that still writes waits, and
 * then repeats nothing.
 */
export async function lockSpools(
  tx: UnitOfWork,
  organizationId: string,
  spools: readonly { hostId: string; spoolId: string }[],
  now: Date,
): Promise<SpoolPlace[]> {
  if (spools.length === 0) return [];
  // In one order, so that two transactions that bring many rarely wait for each other; one of two that do begins anew.
  const sorted = spools.toSorted((a, b) =>
    (a.hostId === b.hostId ? a.spoolId < b.spoolId : a.hostId < b.hostId) ? -1 : 1,
  );
  const answer = await sql<SpoolPlace & { made: boolean }>`
    INSERT INTO host_spools (organization_id, host_id, spool_id, acknowledged, dropped, updated_at)
    SELECT ${organizationId}, host_id, spool_id, 0, 0, ${now}::timestamptz
    FROM unnest(${textArray(sorted.map((one) => one.hostId))}::text[], ${textArray(sorted.map((one) => one.spoolId))}::text[]) AS wanted(host_id, spool_id)
    ON CONFLICT (organization_id, host_id, spool_id) DO UPDATE SET updated_at = excluded.updated_at
    RETURNING host_id AS "hostId", spool_id AS "spoolId", acknowledged, dropped, (xmax = 0) AS made`.execute(
    tx.queries,
  );
  for (const { hostId, made } of answer.rows) if (made) await deleteOldSpools(tx, { organizationId, hostId });
  return answer.rows;
}

async function deleteOldSpools(tx: UnitOfWork, host: HostReference): Promise<void> {
  await sql`DELETE FROM host_spools WHERE organization_id = ${host.organizationId} AND host_id = ${host.hostId}
    AND spool_id NOT IN (SELECT spool_id FROM host_spools
      WHERE organization_id = ${host.organizationId} AND host_id = ${host.hostId}
      ORDER BY updated_at DESC, spool_id LIMIT ${SPOOLS_PER_HOST})`.execute(tx.queries);
}

/** A spool that is to go on from where it was. */
export interface SpoolMove extends SpoolPlace {
  /** What is taken to be stored of it. */
  from: bigint;
}

/**
 * Moves the spools of which exactly that is stored, and holds them until the end of the transaction. Gives their hosts: of the others
 * something else is stored, or nothing.
 */
export async function moveSpools(
  tx: UnitOfWork,
  organizationId: string,
  moves: readonly SpoolMove[],
  now: Date,
): Promise<ReadonlySet<string>> {
  if (moves.length === 0) return new Set();
  const sorted = moves.toSorted((a, b) => (a.hostId < b.hostId ? -1 : 1));
  const answer = await sql<{ host_id: string }>`UPDATE host_spools
    SET acknowledged = moved.acknowledged, dropped = moved.dropped, updated_at = ${now}
    FROM unnest(${textArray(sorted.map((one) => one.hostId))}::text[], ${textArray(sorted.map((one) => one.spoolId))}::text[],
      ${numberArray(sorted.map((one) => one.from))}::bigint[], ${numberArray(sorted.map((one) => one.acknowledged))}::bigint[],
      ${numberArray(sorted.map((one) => one.dropped))}::bigint[]) AS moved(host_id, spool_id, stored, acknowledged, dropped)
    WHERE host_spools.organization_id = ${organizationId} AND host_spools.host_id = moved.host_id
      AND host_spools.spool_id = moved.spool_id AND host_spools.acknowledged = moved.stored
    RETURNING host_spools.host_id`.execute(tx.queries);
  return new Set(answer.rows.map((row) => row.host_id));
}
