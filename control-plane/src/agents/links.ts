import type { LinkSettings } from "@windflow/proto/agent";
import { listHostSummaries } from "../hosts/index.ts";
import type { LinkBook } from "../links/index.ts";
import { createGathering, field, type Clock, type Database, type Log } from "../platform/index.ts";
import { intervals, type LiveViews } from "./intervals.ts";
import type { Leases } from "./leases.ts";
import type { SessionRegistry } from "./registry.ts";
import type { Session } from "./session.ts";

/** Tells hosts what they may do with their link, when that differs from what they follow. Never throws. */
export interface LinkPush {
  /** After Welcome: tells what the session was opened with, and looks whether that has changed since. */
  welcomed(session: Session, settings: LinkSettings): void;
  /** Labels of the host have changed. */
  push(hostId: string): void;
  /** Profiles of the organization have changed. */
  pushAll(organizationId: string): void;
}

interface Parts {
  database: Database;
  clock: Clock;
  log: Log;
  links: LinkBook;
  registry: SessionRegistry;
  leases: Pick<Leases, "setMetered">;
  live: Pick<LiveViews, "isLive">;
}

// One question for all hosts that a profile is about; the first of them are told while the next are asked for.
const HOSTS_AT_ONCE = 250;
// Nobody says it a second time: a look that failed is repeated for as long as the session is open.
const RETRY_MS = 5_000;

export function createLinkPush(parts: Parts): LinkPush {
  const { database, clock, log, links, registry, leases, live } = parts;
  const queued = new WeakSet<Session>();
  const look = createGathering<Session, LinkSettings | undefined>({
    lineOf: ({ identity }) => identity.organizationId,
    keyOf: ({ sessionId }) => sessionId,
    limit: HOSTS_AT_ONCE,
    work: async (organizationId, sessions) => {
      // Taken off the queue before the look: a change during it asks for another look.
      for (const session of sessions) queued.delete(session);
      const hostIds = sessions.map(({ identity }) => identity.hostId);
      return database.inOrganization(
        organizationId,
        async (tx) => {
          const hosts = await listHostSummaries(tx, { hostIds });
          const settings = await links.settingsFor(tx, organizationId, hosts);
          const byHost = new Map(hosts.map(({ hostId }, i) => [hostId, settings[i]]));
          return hostIds.map((hostId) => byHost.get(hostId));
        },
        { readOnly: true },
      );
    },
  });

  function tell(session: Session, settings: LinkSettings): void {
    const { hostId } = session.identity;
    if (session.link.metered !== settings.metered) {
      session.link.metered = settings.metered;
      session.send({ $case: "intervals", value: intervals(live.isLive(hostId), settings.metered) });
      leases.setMetered(hostId, settings.metered);
    }
    if (session.link.digest === settings.digest) return;
    if (session.send({ $case: "linkSettings", value: settings })) session.link.digest = settings.digest;
  }

  async function lookAndTell(session: Session): Promise<void> {
    const settings = await look(session);
    if (settings !== undefined && session.state === "open") tell(session, settings);
  }

  function pushTo(session: Session): void {
    const { organizationId, hostId } = session.identity;
    // Most organizations have no profile, and most hosts follow none.
    if (session.link.digest === "" && !links.mayHave(organizationId)) return;
    if (queued.has(session) || session.state === "ended") return;
    queued.add(session);
    lookAndTell(session).catch((error: unknown) => {
      queued.delete(session);
      log.warn({ err: error, [field.hostId]: hostId }, "The settings of a link could not be told; it is tried again.");
      clock.sleep(RETRY_MS, session.signal).then(
        () => pushTo(session),
        () => undefined,
      );
    });
  }

  return {
    welcomed: (session, settings) => {
      tell(session, settings);
      // What changed between that transaction and the claim was pushed to nobody.
      pushTo(session);
    },
    push: (hostId) => {
      const session = registry.find(hostId);
      if (session !== undefined) pushTo(session);
    },
    pushAll: (organizationId) => {
      for (const session of registry.all()) if (session.identity.organizationId === organizationId) pushTo(session);
    },
  };
}
