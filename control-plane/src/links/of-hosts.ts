import { listHostSummaries } from "../hosts/index.ts";
import type { UnitOfWork } from "../platform/index.ts";
import type { LabelledHost, LinkOfHost } from "./model.ts";
import { linkOf, profileOf } from "./plan.ts";
import { readProfiles } from "./store.ts";

/**
 * Host → the profile that it follows. A host that is missing has an open link: its labels are not read where the organization has no
 * profile.
 */
export async function linksOf(tx: UnitOfWork, hostIds: readonly string[]): Promise<Map<string, LinkOfHost>> {
  return linksOfLabelled(tx, (wanted) => listHostSummaries(tx, { hostIds: wanted }), hostIds);
}

/** The same for hosts whose labels are at hand. */
export function linksOfHosts(tx: UnitOfWork, hosts: readonly LabelledHost[]): Promise<Map<string, LinkOfHost>> {
  return linksOfLabelled(
    tx,
    () => Promise.resolve(hosts),
    hosts.map(({ hostId }) => hostId),
  );
}

async function linksOfLabelled(
  tx: UnitOfWork,
  read: (hostIds: readonly string[]) => Promise<readonly LabelledHost[]>,
  hostIds: readonly string[],
): Promise<Map<string, LinkOfHost>> {
  if (tx.organizationId === undefined) throw new TypeError("links are read in a unit of work of one organization");
  if (hostIds.length === 0) return new Map();
  const profiles = await readProfiles(tx, tx.organizationId);
  if (profiles.length === 0) return new Map();
  const hosts = await read(hostIds);
  return new Map(
    hosts.flatMap((host) => {
      const profile = profileOf(profiles, host);
      return profile === undefined ? [] : [[host.hostId, linkOf(profile, host)] as const];
    }),
  );
}
