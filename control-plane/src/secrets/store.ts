import { tablesOf, type UnitOfWork } from "../platform/index.ts";

interface Tables {
  organization_keys: { organization_id: string; sealed_key: Buffer; created_at: Date };
}

export async function readSealedKey(tx: UnitOfWork, organizationId: string): Promise<Buffer | undefined> {
  const row = await tablesOf<Tables>(tx)
    .selectFrom("organization_keys")
    .select("sealed_key")
    .where("organization_id", "=", organizationId)
    .executeTakeFirst();
  return row?.sealed_key;
}

/** Stores the key unless there is one already: of two that come at once, one stays. */
export async function insertSealedKey(
  tx: UnitOfWork,
  key: { organizationId: string; sealedKey: Uint8Array; createdAt: Date },
): Promise<void> {
  await tablesOf<Tables>(tx)
    .insertInto("organization_keys")
    .values({
      organization_id: key.organizationId,
      sealed_key: Buffer.from(key.sealedKey),
      created_at: key.createdAt,
    })
    .onConflict((conflict) => conflict.column("organization_id").doNothing())
    .execute();
}
