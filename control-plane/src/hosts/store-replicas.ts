import { sql } from "kysely";
import type { UnitOfWork } from "../platform/index.ts";
import { hostsTables } from "./tables.ts";

/** Says that a control plane is there and where, and forgets those that have not said so for a day. */
export async function keepReplica(
  tx: UnitOfWork,
  replica: { replicaId: string; address: string; spkiSha256: Uint8Array; now: Date },
): Promise<void> {
  const { replicaId, address, spkiSha256, now } = replica;
  const values = { address, spki_sha256: spkiSha256, seen_at: now };
  await hostsTables(tx)
    .insertInto("session_replicas")
    .values({ id: replicaId, ...values })
    .onConflict((conflict) => conflict.column("id").doUpdateSet(values))
    .execute();
  await sql`DELETE FROM session_replicas WHERE seen_at < ${now}::timestamptz - interval '1 day'`.execute(tx.queries);
}

export async function forgetReplica(tx: UnitOfWork, replicaId: string): Promise<void> {
  await hostsTables(tx).deleteFrom("session_replicas").where("id", "=", replicaId).execute();
}

/** The control plane that has the host's session, if it has been seen since `aliveSince`. */
export async function readSessionOwner(
  tx: UnitOfWork,
  hostId: string,
  aliveSince: Date,
): Promise<{ replicaId: string; address: string } | undefined> {
  return hostsTables(tx)
    .selectFrom("hosts")
    .innerJoin("session_replicas", "session_replicas.id", "hosts.session_replica")
    .select(["session_replicas.id as replicaId", "session_replicas.address"])
    .where("hosts.id", "=", hostId)
    .where("session_replicas.seen_at", ">", aliveSince)
    .executeTakeFirst();
}

/** True if a control plane that has been seen since `aliveSince` has this key. */
export async function isReplicaKey(tx: UnitOfWork, spkiSha256: Uint8Array, aliveSince: Date): Promise<boolean> {
  const row = await hostsTables(tx)
    .selectFrom("session_replicas")
    .select("id")
    .where("spki_sha256", "=", spkiSha256)
    .where("seen_at", ">", aliveSince)
    .executeTakeFirst();
  return row !== undefined;
}
