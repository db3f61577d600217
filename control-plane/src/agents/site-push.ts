import type { SitePeers } from "@windflow/proto/agent";
import { notePeerAddress, peersOf, siteMembers, sitesOf, type SiteMember } from "../images/index.ts";
import { field, type Clock, type Database, type Log } from "../platform/index.ts";
import type { SessionRegistry } from "./registry.ts";
import type { Session } from "./session.ts";

/** Tells hosts which others of their site give layers, when that has changed. Never throws. */
export interface SitePush {
  /** After Welcome, with the address that the host gave. */
  welcomed(session: Session, peerAddress: string): void;
  /** A host of the organization came or went, or its labels or profiles changed. */
  changed(organizationId: string): void;
}

// Hosts of a site come back together: one look for all of them.
const GATHER_MS = 500;
const RETRY_MS = 5_000;
const HOSTS_AT_ONCE = 500;

export function createSitePush(parts: {
  readonly database: Database;
  readonly clock: Clock;
  readonly log: Log;
  readonly registry: SessionRegistry;
  readonly stopping: AbortSignal;
  readonly ticketKey: (organizationId: string) => Uint8Array;
}): SitePush {
  const { database, clock, log, registry, stopping, ticketKey } = parts;
  /** Organizations that a look is due for. */
  const due = new Set<string>();
  const told = new WeakMap<Session, string>();
  /** What hosts say of themselves, by session. */
  const addresses = new WeakMap<Session, string>();

  const note = (session: Session, address: string): void => {
    const { organizationId, hostId } = session.identity;
    database
      .inOrganization(organizationId, (tx) => notePeerAddress(tx, { organizationId, hostId }, address))
      .catch((error: unknown) => {
        log.warn({ err: error, [field.hostId]: hostId }, "The address of a host for its site was not stored.");
      })
      .finally(() => changed(organizationId));
  };

  async function look(organizationId: string): Promise<void> {
    const sessions = registry.all().filter((session) => session.identity.organizationId === organizationId);
    if (sessions.length === 0) return;
    const read = <Result>(work: Parameters<typeof database.inOrganization<Result>>[1]): Promise<Result> =>
      database.inOrganization(organizationId, work, { readOnly: true });
    const members = await read((tx) => siteMembers(tx, organizationId));
    // A host that gives nothing any more says so by an empty address, as the many do that never gave any.
    for (const { hostId } of members) {
      const session = registry.find(hostId);
      if (session !== undefined && addresses.get(session) === "") note(session, "");
    }
    // Most organizations have none, and their hosts need no look.
    const asked = members.length === 0 ? sessions.filter((session) => told.has(session)) : sessions;
    for (let i = 0; i < asked.length; i += HOSTS_AT_ONCE) {
      const some = asked.slice(i, i + HOSTS_AT_ONCE);
      const sites = await read((tx) =>
        sitesOf(
          tx,
          some.map(({ identity }) => identity.hostId),
        ),
      );
      for (const session of some) tell(session, members, sites.get(session.identity.hostId));
    }
  }

  function tell(session: Session, members: readonly SiteMember[], site: string | undefined): void {
    const { hostId, organizationId } = session.identity;
    const peers = session.awaitingApproval ? [] : peersOf(members, hostId, site);
    const message: SitePeers = {
      peers: peers.map((peer) => ({ hostId: peer.hostId, address: peer.address, keySha256: peer.keySha256 })),
      ticketKey: ticketKey(organizationId),
    };
    const text = peers
      .map((peer) => `${peer.hostId} ${peer.address} ${Buffer.from(peer.keySha256).toString("hex")}`)
      .join();
    const before = told.get(session);
    // A host of a site may still know those of its session before: it hears also that there are none.
    const isKnown = before === undefined ? text === "" && site === undefined : before === text;
    if (session.state !== "open" || isKnown) return;
    if (session.send({ $case: "sitePeers", value: message })) told.set(session, text);
  }

  // A look costs what there are sessions: ten thousand of which some come and go are looked at each ten seconds.
  function changed(organizationId: string, inMs = GATHER_MS + registry.size): void {
    if (due.has(organizationId)) return;
    due.add(organizationId);
    clock.sleep(inMs, stopping).then(
      async () => {
        // Taken off before the look: a change during it asks for another.
        due.delete(organizationId);
        await look(organizationId).catch((error: unknown) => {
          log.warn({ err: error, [field.area]: "sites" }, "The hosts of a site could not be told; it is tried again.");
          changed(organizationId, RETRY_MS);
        });
      },
      () => undefined,
    );
  }

  return {
    welcomed: (session, peerAddress) => {
      addresses.set(session, peerAddress);
      if (peerAddress === "") changed(session.identity.organizationId);
      else note(session, peerAddress);
    },
    changed: (organizationId) => changed(organizationId),
  };
}
