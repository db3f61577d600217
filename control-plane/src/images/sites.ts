import { listHostSummaries, readHostKeys } from "../hosts/index.ts";
import { linksOf, type LinkOfHost } from "../links/index.ts";
import { tablesOf, type UnitOfWork } from "../platform/index.ts";

interface Tables {
  host_peer_addresses: { organization_id: string; host_id: string; address: string };
}

/** A host that gives layers to others of its site. */
export interface SiteMember {
  readonly hostId: string;
  /** Label and value: hosts with the same are at the same site. */
  readonly site: string;
  /** HOST:PORT at which the others reach it. */
  readonly address: string;
  /** SHA-256 of the subject public key info of its certificate. */
  readonly keySha256: Uint8Array;
}

// More than racks have; a message of this many has 20 kB.
const MOST_MEMBERS = 500;
const ADDRESS = /^(\[[0-9a-fA-F:]+\]|[A-Za-z0-9._-]{1,253}):\d{1,5}$/;

/** Notes where a host says that others reach it; empty, or no address: nowhere. */
export async function notePeerAddress(
  tx: UnitOfWork,
  host: { readonly organizationId: string; readonly hostId: string },
  address: string,
): Promise<void> {
  const { organizationId, hostId } = host;
  if (!ADDRESS.test(address)) {
    await tablesOf<Tables>(tx)
      .deleteFrom("host_peer_addresses")
      .where("organization_id", "=", organizationId)
      .where("host_id", "=", hostId)
      .execute();
    return;
  }
  await tablesOf<Tables>(tx)
    .insertInto("host_peer_addresses")
    .values({ organization_id: organizationId, host_id: hostId, address })
    .onConflict((conflict) => conflict.column("host_id").doUpdateSet({ address }))
    .execute();
}

/** The hosts of the organization that are online and give layers to others. */
export async function siteMembers(tx: UnitOfWork, organizationId: string): Promise<SiteMember[]> {
  const rows = await tablesOf<Tables>(tx)
    .selectFrom("host_peer_addresses")
    .select(["host_id", "address"])
    .where("organization_id", "=", organizationId)
    .orderBy("host_id")
    .execute();
  if (rows.length === 0) return [];
  const hostIds = rows.map((row) => row.host_id);
  const online = new Set(
    (await listHostSummaries(tx, { hostIds }))
      .filter(({ presence, revoked, awaitingApproval }) => presence === "online" && !revoked && !awaitingApproval)
      .map(({ hostId }) => hostId),
  );
  const links = await linksOf(tx, hostIds);
  const keys = await readHostKeys(tx, organizationId, hostIds);
  return rows.flatMap(({ host_id: hostId, address }) => {
    const [site, keySha256] = [siteOf(links.get(hostId)), keys.get(hostId)];
    if (site === undefined || keySha256 === undefined || !online.has(hostId)) return [];
    return [{ hostId, site, address, keySha256 }];
  });
}

/** Host → its site; those that are at none are missing. */
export async function sitesOf(tx: UnitOfWork, hostIds: readonly string[]): Promise<Map<string, string>> {
  const links = await linksOf(tx, hostIds);
  return new Map(
    hostIds.flatMap((hostId) => {
      const site = siteOf(links.get(hostId));
      return site === undefined ? [] : [[hostId, site] as const];
    }),
  );
}

/** The others of a site, as many as a host is told of. */
export function peersOf(members: readonly SiteMember[], hostId: string, site: string | undefined): SiteMember[] {
  if (site === undefined) return [];
  return members.filter((member) => member.site === site && member.hostId !== hostId).slice(0, MOST_MEMBERS);
}

function siteOf(link: LinkOfHost | undefined): string | undefined {
  return link === undefined || link.siteValue === "" ? undefined : `${link.siteLabel}=${link.siteValue}`;
}
