import { sql, type Selectable } from "kysely";
import { tablesOf, type UnitOfWork } from "../platform/index.ts";
import type { Registry } from "./model.ts";

interface RegistriesTable {
  id: string;
  organization_id: string;
  address: string;
  username: string;
  sealed_password: Buffer;
  version: number;
  created_by: string;
  created_at: Date;
  updated_at: Date;
}
interface Tables {
  registries: RegistriesTable;
}

export type SealedRegistry = Registry & { readonly sealedPassword: Uint8Array };

export async function insertRegistry(tx: UnitOfWork, registry: SealedRegistry): Promise<void> {
  await tablesOf<Tables>(tx)
    .insertInto("registries")
    .values({
      id: registry.id,
      organization_id: registry.organizationId,
      address: registry.address,
      username: registry.username,
      sealed_password: Buffer.from(registry.sealedPassword),
      version: registry.version,
      created_by: registry.createdBy,
      created_at: registry.createdAt,
      updated_at: registry.updatedAt,
    })
    .execute();
}

/** @param lock holds the row until the end of the transaction */
export async function readRegistry(
  tx: UnitOfWork,
  organizationId: string,
  registryId: string,
  lock: "lock" | "look",
): Promise<SealedRegistry | undefined> {
  const select = tablesOf<Tables>(tx)
    .selectFrom("registries")
    .selectAll()
    .where("organization_id", "=", organizationId)
    .where("id", "=", registryId);
  const row = await (lock === "lock" ? select.forUpdate() : select).executeTakeFirst();
  return row === undefined ? undefined : registryOf(row);
}

/** By address; `after` is the last one of the page before. */
export async function listRegistries(
  tx: UnitOfWork,
  query: { readonly organizationId: string; readonly after: string | undefined; readonly limit: number },
): Promise<Registry[]> {
  let select = tablesOf<Tables>(tx)
    .selectFrom("registries")
    .selectAll()
    .where("organization_id", "=", query.organizationId);
  if (query.after !== undefined) select = select.where("address", ">", query.after);
  const rows = await select.orderBy("address").limit(query.limit).execute();
  return rows.map(registryOf);
}

export async function readByAddresses(
  tx: UnitOfWork,
  organizationId: string,
  addresses: readonly string[],
): Promise<SealedRegistry[]> {
  if (addresses.length === 0) return [];
  const rows = await tablesOf<Tables>(tx)
    .selectFrom("registries")
    .selectAll()
    .where("organization_id", "=", organizationId)
    .where("address", "in", [...addresses])
    .orderBy("address")
    .execute();
  return rows.map(registryOf);
}

/** Changes what is given and raises the version. */
export async function updateRegistry(
  tx: UnitOfWork,
  registry: Pick<Registry, "organizationId" | "id">,
  change: { readonly username?: string; readonly sealedPassword?: Uint8Array; readonly updatedAt: Date },
): Promise<void> {
  await tablesOf<Tables>(tx)
    .updateTable("registries")
    .set({
      version: sql`version + 1`,
      updated_at: change.updatedAt,
      ...(change.username === undefined ? {} : { username: change.username }),
      ...(change.sealedPassword === undefined ? {} : { sealed_password: Buffer.from(change.sealedPassword) }),
    })
    .where("organization_id", "=", registry.organizationId)
    .where("id", "=", registry.id)
    .execute();
}

export async function deleteRegistry(tx: UnitOfWork, registry: Pick<Registry, "organizationId" | "id">): Promise<void> {
  await tablesOf<Tables>(tx)
    .deleteFrom("registries")
    .where("organization_id", "=", registry.organizationId)
    .where("id", "=", registry.id)
    .execute();
}

function registryOf(row: Selectable<RegistriesTable>): SealedRegistry {
  return {
    id: row.id,
    organizationId: row.organization_id,
    address: row.address,
    username: row.username,
    sealedPassword: row.sealed_password,
    version: row.version,
    createdBy: row.created_by,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  };
}
