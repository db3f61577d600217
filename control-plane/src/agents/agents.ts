import { randomBytes } from "node:crypto";
import type { AgentHandlers } from "../api/index.ts";
import {
  hostApproved,
  hostChanged,
  hostPresenceChanged,
  hostQuarantined,
  hostRevoked,
  readBarredHosts,
  type Certificates,
  type Enrollment,
  type HostFigures,
  type HostIdentities,
} from "../hosts/index.ts";
import { createLinkBook, linkProfilesChanged } from "../links/index.ts";
import { randomToken, type EventType, type Platform } from "../platform/index.ts";
import { createConnect, quarantinedGoodbye, revokedGoodbye } from "./connect.ts";
import { createDesiredPush } from "./desired.ts";
import { createAgentPush } from "./desired-agent.ts";
import { createDispatch } from "./dispatch.ts";
import { createGateway, type AgentGateway } from "./gateway.ts";
import { agentHandlers, type AgentServiceDefinition } from "./handlers.ts";
import { hostEventsSink } from "./host-events.ts";
import { createLiveViews, intervals } from "./intervals.ts";
import { createLeases } from "./leases.ts";
import { createLinkPush } from "./links.ts";
import { sessionOpened } from "./opening.ts";
import {
  createHooks,
  type AgentHooks,
  type AgentReleases,
  type DesiredStatePort,
  type HostReference,
} from "./ports.ts";
import { createRegistry } from "./registry.ts";
import { replicaHandlers } from "./replicas/handlers.ts";
import { openMembership } from "./replicas/membership.ts";
import { createRoutedGateway } from "./replicas/routing.ts";
import type { ReplicaServiceDefinition } from "./replicas/service.ts";
import { createSitePush } from "./site-push.ts";
import { createStreams } from "./streams.ts";

/** The sessions with hosts, of this control plane. */
export interface Agents {
  readonly gateway: AgentGateway;
  readonly hooks: AgentHooks;
  /** For `api.registerAgentService(agentService, …)`. */
  readonly handlers: AgentHandlers<AgentServiceDefinition>;
  /** For `api.registerAgentService(replicaService, …)`: other control planes on the same database. */
  readonly replicaHandlers: AgentHandlers<ReplicaServiceDefinition>;
  /** Says where this control plane is, once its port is open. */
  ready(): Promise<void>;
  /** Sessions that are open here. */
  connectedHosts(): number;
  /** When a frame last came from the host; undefined while it is not known here. */
  lastSeenAt(hostId: string): Date | undefined;
  /** Begins to judge the presence of hosts. */
  start(): Promise<void>;
  /** Says goodbye to every host and waits until that is written. */
  stop(): Promise<void>;
}

interface Parts {
  platform: Platform;
  certificates: Certificates;
  enrollment: Enrollment;
  identities: HostIdentities;
  figures: HostFigures;
  desired: DesiredStatePort;
  /** `host:port` at which other control planes reach this one; empty when they cannot. */
  address: () => string;
  /** Told when what hosts are to run has changed. */
  desiredStateChanged: EventType<{ readonly hostIds: readonly string[] }>;
  /** What agents are to become, and when that has changed. */
  releases: AgentReleases & { readonly changed: EventType<HostReference> };
}

const TICKET_BYTES = 24;
// Goodbyes are on their way within milliseconds; a host whose link hangs is not waited for.
const GOODBYE_PATIENCE_MS = 1_000;
const GOODBYE_POLL_MS = 20;

export async function createAgents(parts: Parts): Promise<Agents> {
  const { platform, certificates, enrollment, identities, figures, desired, releases } = parts;
  const { database, clock, log, newId, bus } = platform;
  const stopping = new AbortController();
  const registry = createRegistry();
  const hooks = createHooks();
  hooks.onSpool(hostEventsSink({ clock, newId }));
  const streams = createStreams({ clock, newTicket: () => randomToken(TICKET_BYTES) });
  const { address } = parts;
  const membership = await openMembership({ database, clock, certificates, replicaId: bus.replicaId, address });
  const links = createLinkBook(bus);
  const leases = createLeases({
    links,
    database,
    clock,
    log,
    newId,
    membership,
    figures,
    onDeadLink: (hostId) => registry.find(hostId)?.end("link-lost"),
  });
  const live = createLiveViews((hostId, on) => {
    const session = registry.find(hostId);
    session?.send({ $case: "intervals", value: intervals(on, session.link.metered) });
  });
  const sitePush = createSitePush({
    database,
    clock,
    log,
    registry,
    stopping: stopping.signal,
    ticketKey: (organizationId) => desired.ticketKey(organizationId),
  });
  const linkPush = createLinkPush({ database, clock, log, links, registry, leases, live });
  const desiredPush = createDesiredPush({ database, clock, desired, registry, log });
  const agentPush = createAgentPush({ database, clock, log, releases, registry });
  const connect = createConnect({
    database,
    clock,
    log,
    newId,
    replicaId: bus.replicaId,
    identities,
    desired,
    releases,
    agentPush,
    hooks,
    desiredPush,
    dispatch: createDispatch({ database, clock, log, hooks, told: () => desiredPush.told() }),
    leases,
    links,
    linkPush,
    sitePush,
    live,
    registry,
    random: randomBytes,
    rootsPem: () => certificates.rootsPem(),
    stopping: stopping.signal,
  });

  function bar(hostId: string, why: "revoked" | "quarantined"): void {
    const goodbye = why === "revoked" ? revokedGoodbye : quarantinedGoodbye;
    leases.forget(hostId);
    registry.find(hostId)?.end(why, goodbye);
    streams.closeAll(hostId, goodbye);
  }
  function approve(hostId: string): void {
    const session = registry.find(hostId);
    if (session === undefined) return;
    session.awaitingApproval = false;
    desiredPush.pushTo(session);
    agentPush.push(hostId);
  }
  /** Events may have been missed: asks again what they would have said. */
  async function lookAgain(): Promise<void> {
    desiredPush.missedSome();
    const sessions = registry.all();
    const hostIds = sessions.map((session) => session.identity.hostId);
    const barred = await database.asSystem((tx) => readBarredHosts(tx, hostIds), { readOnly: true });
    for (const { hostId, why } of barred) bar(hostId, why);
    for (const session of sessions) {
      desiredPush.pushTo(session);
      agentPush.push(session.identity.hostId);
    }
  }

  const subscriptions = [
    bus.on(hostRevoked, ({ hostId }) => bar(hostId, "revoked")),
    bus.on(hostQuarantined, ({ hostId }) => bar(hostId, "quarantined")),
    bus.on(hostApproved, ({ hostId }) => approve(hostId)),
    bus.on(sessionOpened, ({ hostId, epoch }) => {
      registry.fence(hostId, BigInt(epoch));
      // Whoever opened it speaks for the host now; here that is said a moment later.
      leases.forget(hostId);
    }),
    bus.on(parts.desiredStateChanged, ({ hostIds }) => {
      for (const hostId of hostIds) desiredPush.push(hostId);
    }),
    bus.on(releases.changed, ({ hostId }) => agentPush.push(hostId)),
    bus.on(hostChanged, ({ hostId, organizationId }) => {
      linkPush.push(hostId);
      sitePush.changed(organizationId);
    }),
    bus.on(hostPresenceChanged, ({ organizationId }) => sitePush.changed(organizationId)),
    bus.on(linkProfilesChanged, ({ organizationId }) => {
      linkPush.pushAll(organizationId);
      sitePush.changed(organizationId);
    }),
    bus.onGap(() => {
      lookAgain().catch((error: unknown) => log.warn({ err: error }, "The sessions could not be checked again."));
    }),
  ];

  const local = createGateway({ registry, desiredPush, streams, live });
  return {
    gateway: createRoutedGateway({ local, ownerOf: (hostId) => membership.ownerOf(hostId) }),
    hooks,
    handlers: agentHandlers({
      database,
      enrollment,
      identities,
      connect,
      streams,
      desired,
      releases,
      random: randomBytes,
      heard: (hostId) => leases.heard(hostId),
    }),
    replicaHandlers: replicaHandlers({
      local,
      requireReplica: (certificate) => membership.requireReplica(certificate),
    }),
    ready: () => membership.keep(),
    connectedHosts: () => registry.size,
    lastSeenAt: (hostId) => leases.lastSeenAt(hostId),
    start: () => leases.start(),
    stop: async () => {
      for (const unsubscribe of subscriptions) unsubscribe();
      stopping.abort();
      const deadline = clock.monotonicMs() + GOODBYE_PATIENCE_MS;
      while (registry.size > 0 && clock.monotonicMs() < deadline) await clock.sleep(GOODBYE_POLL_MS);
      await leases.stop();
    },
  };
}
