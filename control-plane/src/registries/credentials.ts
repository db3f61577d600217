import type { UnitOfWork } from "../platform/index.ts";
import type { Vault } from "../secrets/index.ts";
import type { RegistryCredential } from "./model.ts";
import { readByAddresses, type SealedRegistry } from "./store.ts";

// Bound to the registry: the sealed password of one does not open as that of another.
const passwordContext = (registryId: string): string => `registries/${registryId}/password`;

export function sealPassword(
  tx: UnitOfWork,
  vault: Vault,
  registry: { readonly organizationId: string; readonly id: string },
  password: string,
): Promise<Uint8Array> {
  return vault.seal(tx, registry.organizationId, Buffer.from(password), passwordContext(registry.id));
}

export async function openCredential(
  tx: UnitOfWork,
  vault: Vault,
  registry: SealedRegistry,
): Promise<RegistryCredential> {
  const { organizationId, id, sealedPassword, address, username } = registry;
  const password = await vault.open(tx, organizationId, sealedPassword, passwordContext(id));
  return { address, username, password: Buffer.from(password).toString("utf8") };
}

/** The organization's credentials for those of the registries that it has some for. In a unit of work of the organization. */
export async function credentialsFor(
  tx: UnitOfWork,
  vault: Vault,
  addresses: readonly string[],
): Promise<RegistryCredential[]> {
  if (tx.organizationId === undefined) throw new TypeError("credentials are those of one organization");
  const found = await readByAddresses(tx, tx.organizationId, addresses);
  const opened: RegistryCredential[] = [];
  for (const registry of found) opened.push(await openCredential(tx, vault, registry));
  return opened;
}
