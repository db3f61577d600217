import { canonicalRegistry, registryOf } from "@windflow/core";
import type { UnitOfWork } from "../platform/index.ts";
import { credentialsFor, type RegistryCredential } from "../registries/index.ts";
import type { Vault } from "../secrets/index.ts";
import { decodeModel, readBody } from "../stacks/index.ts";
import { readDesired } from "./store-desired.ts";

/**
 * The registries that images of a build on a host come from; none unless that build is under way there. "any" when its files do not
 * say (an image named by an argument).
 */
export type BuildRegistries = (tx: UnitOfWork, hostId: string, buildId: string) => Promise<ReadonlySet<string> | "any">;

// More than any host pulls from; a request is not to become a list of all that there is.
const MAX_REGISTRIES = 100;

/** Credentials for those of the registries that the host pulls from, and that the organization has some for. */
export async function registryAuthFor(
  tx: UnitOfWork,
  vault: Vault,
  host: { readonly hostId: string; readonly buildRegistries: BuildRegistries | undefined },
  wanted: { readonly registries: readonly string[]; readonly buildId: string },
): Promise<RegistryCredential[]> {
  const asked = [...new Set(wanted.registries.slice(0, MAX_REGISTRIES).map(canonicalRegistry))];
  const own =
    wanted.buildId === ""
      ? await desiredRegistries(tx, host.hostId)
      : ((await host.buildRegistries?.(tx, host.hostId, wanted.buildId)) ?? new Set<string>());
  return credentialsFor(tx, vault, own === "any" ? asked : asked.filter((address) => own.has(address)));
}

async function desiredRegistries(tx: UnitOfWork, hostId: string): Promise<Set<string>> {
  const found = new Set<string>();
  const desired = await readDesired(tx, hostId);
  for (const { stackId, revision, bodyDigest } of desired?.stacks ?? []) {
    const body = await readBody(tx, stackId, revision, bodyDigest);
    if (body === undefined) continue;
    for (const { image } of Object.values(decodeModel(body).services))
      if (image !== undefined) found.add(registryOf(image));
  }
  return found;
}
