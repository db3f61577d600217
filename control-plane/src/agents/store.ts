import { sql } from "kysely";
import { ObservedState } from "@windflow/proto/agent";
import { tablesOf, type UnitOfWork } from "../platform/index.ts";
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

export async function readObservedDigest(tx: UnitOfWork, host: HostReference): Promise<string | undefined> {
  const row = await tablesOf<Tables>(tx)
    .selectFrom("host_observed")
    .select("digest")
    .where("organization_id", "=", host.organizationId)
    .where("host_id", "=", host.hostId)
    .executeTakeFirst();
  return row?.digest;
}

export async function saveObserved(
  tx: UnitOfWork,
  host: HostReference,
  observed: { at: Date; receivedAt: Date; digest: string; state: Uint8Array },
): Promise<void> {
  const values = { at: observed.at, received_at: observed.receivedAt, digest: observed.digest, state: observed.state };
  await tablesOf<Tables>(tx)
    .insertInto("host_observed")
    .values({ organization_id: host.organizationId, host_id: host.hostId, ...values })
    .onConflict((conflict) => conflict.columns(["organization_id", "host_id"]).doUpdateSet(values))
    .execute();
}

// An agent has one spool file and makes a new one when that is lost; the old rows are of no use then.
const SPOOLS_PER_HOST = 4;

/** Last sequence of the spool that is stored; 0 for one that is not known. */
export async function readAcknowledged(tx: UnitOfWork, host: HostReference, spoolId: string): Promise<bigint> {
  const row = await tablesOf<Tables>(tx)
    .selectFrom("host_spools")
    .select("acknowledged")
    .where("organization_id", "=", host.organizationId)
    .where("host_id", "=", host.hostId)
    .where("spool_id", "=", spoolId)
    .executeTakeFirst();
  return row?.acknowledged ?? 0n;
}

/** The spool's place, held until the end of the transaction: an older session that still writes waits and then repeats nothing. */
export async function lockSpool(
  tx: UnitOfWork,
  host: HostReference,
  spoolId: string,
  now: Date,
): Promise<{ acknowledged: bigint; dropped: bigint }> {
  const tables = tablesOf<Tables>(tx);
  const made = await tables
    .insertInto("host_spools")
    .values({
      organization_id: host.organizationId,
      host_id: host.hostId,
      spool_id: spoolId,
      acknowledged: 0n,
      dropped: 0n,
      updated_at: now,
    })
    .onConflict((conflict) => conflict.doNothing())
    .executeTakeFirst();
  if ((made.numInsertedOrUpdatedRows ?? 0n) > 0n) await deleteOldSpools(tx, host);
  return tables
    .selectFrom("host_spools")
    .select(["acknowledged", "dropped"])
    .where("organization_id", "=", host.organizationId)
    .where("host_id", "=", host.hostId)
    .where("spool_id", "=", spoolId)
    .forUpdate()
    .executeTakeFirstOrThrow();
}

async function deleteOldSpools(tx: UnitOfWork, host: HostReference): Promise<void> {
  await sql`DELETE FROM host_spools WHERE organization_id = ${host.organizationId} AND host_id = ${host.hostId}
    AND spool_id NOT IN (SELECT spool_id FROM host_spools
      WHERE organization_id = ${host.organizationId} AND host_id = ${host.hostId}
      ORDER BY updated_at DESC, spool_id LIMIT ${SPOOLS_PER_HOST})`.execute(tx.queries);
}

export async function saveAcknowledged(
  tx: UnitOfWork,
  host: HostReference,
  spool: { spoolId: string; acknowledged: bigint; dropped: bigint; now: Date },
): Promise<void> {
  await tablesOf<Tables>(tx)
    .updateTable("host_spools")
    .set({ acknowledged: spool.acknowledged, dropped: spool.dropped, updated_at: spool.now })
    .where("organization_id", "=", host.organizationId)
    .where("host_id", "=", host.hostId)
    .where("spool_id", "=", spool.spoolId)
    .execute();
}
