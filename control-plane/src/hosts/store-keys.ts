import { sql } from "kysely";
import type { UnitOfWork } from "../platform/index.ts";
import { hostsTables } from "./tables.ts";

/** Host → SHA-256 of the subject public key info that its certificate has; those whose key was revoked are missing. */
export async function readHostKeys(
  tx: UnitOfWork,
  organizationId: string,
  hostIds: readonly string[],
): Promise<Map<string, Uint8Array>> {
  const rows = await hostsTables(tx)
    .selectFrom("host_keys")
    .select(["host_id", "spki_sha256"])
    .where("organization_id", "=", organizationId)
    .where(sql<boolean>`host_id = ANY(${[...hostIds]})`)
    .where("revoked_at", "is", null)
    // The newest is written last.
    .orderBy("created_at")
    .execute();
  return new Map(rows.map((row) => [row.host_id, row.spki_sha256]));
}
