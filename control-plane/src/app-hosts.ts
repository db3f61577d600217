import { EnrollmentTokensServiceService, EventsServiceService, HostsServiceService } from "@windflow/proto/api";
import {
  agentService,
  createAgents,
  type AgentReleases,
  replicaService,
  type Agents,
  type DesiredStatePort,
  type HostReference,
} from "./agents/index.ts";
import type { Api } from "./api/index.ts";
import type { Audit } from "./audit/index.ts";
import { createEventsWorker, createWatcher, eventsHandlers } from "./events/index.ts";
import {
  createAdmission,
  createClones,
  createEnrollment,
  createEnrollmentTokensService,
  createHostIdentities,
  createHostsService,
  createSavedViewsService,
  enrollmentTokensHandlers,
  hostsHandlers,
  installRoutes,
  openInstallRelease,
  scriptHash,
  type Certificates,
  type HostDesired,
  type HostFigures,
  type HostHistory,
  type HostLinks,
  type HostTimeline,
} from "./hosts/index.ts";
import type { EventType, Platform } from "./platform/index.ts";

interface Parts {
  platform: Platform;
  api: Api;
  audit: Audit;
  certificates: Certificates;
  figures: HostFigures;
  desired: DesiredStatePort & HostDesired;
  /** What other domains keep of a host, to be forgotten with it. */
  history?: HostHistory;
  /** What other domains know of what happened on a host. */
  timeline: HostTimeline;
  links: HostLinks;
  desiredStateChanged: EventType<{ readonly hostIds: readonly string[] }>;
  /** What agents are to become, and when that has changed. */
  releases: AgentReleases & { readonly changed: EventType<HostReference> };
  /** `https://…` as agents write it; asked when a line for them is made. */
  publicUrl: () => string;
  /** `host:port` at which other control planes on the same database reach this one; empty when they cannot. */
  address: () => string;
  /** Folders with install.sh and built agents. */
  installFolders: readonly string[];
  /** Public halves of the keys that sign them. */
  releaseKeys: readonly string[];
}

/** The part of the app that faces hosts: enrolment, sessions, events. */
export interface HostSide {
  readonly agents: Agents;
  start(): Promise<void>;
  /** After the port was opened. */
  ready(): Promise<void>;
  /** Sends the hosts away; before the doors close. */
  stop(): Promise<void>;
}

export async function buildHostSide(parts: Parts): Promise<HostSide> {
  const { platform, api, audit, certificates, figures, desired } = parts;
  const { database, clock, log, newId, bus, jobs } = platform;
  const enrollment = createEnrollment({ database, clock, log, newId, certificates, audit, history: parts.history });
  const identities = createHostIdentities({ database, certificates });
  const agents = await createAgents({
    platform,
    certificates,
    enrollment,
    identities,
    figures,
    desired,
    desiredStateChanged: parts.desiredStateChanged,
    releases: parts.releases,
    address: parts.address,
  });
  const watcher = createWatcher(bus);
  const worker = createEventsWorker({ database, jobs, clock });

  const { history, timeline, links } = parts;
  const hosts = createHostsService({ database, clock, newId, audit, desired, history, timeline, links });
  const clones = createClones({ database, clock, newId, audit });
  const admission = createAdmission({ database, clock, newId, audit, history });
  const views = createSavedViewsService({ database, clock, newId, audit });
  const tokens = createEnrollmentTokensService({ database, clock, newId, audit });
  const release = openInstallRelease(parts.installFolders, parts.releaseKeys);
  const script = { release, releaseKeys: parts.releaseKeys };
  const installTarget = () => ({ serverUrl: parts.publicUrl(), caSha256: certificates.rootsSha256() });
  api.registerService(
    HostsServiceService,
    hostsHandlers({
      service: hosts,
      views,
      admission,
      clones,
      clock,
      figures,
      lastSeenAt: (hostId) => agents.lastSeenAt(hostId),
    }),
  );
  api.registerService(
    EnrollmentTokensServiceService,
    enrollmentTokensHandlers({ service: tokens, installTarget, scriptSha256: () => scriptHash(script) }),
  );
  api.registerService(EventsServiceService, eventsHandlers({ database, watcher }));
  api.registerAgentService(agentService, agents.handlers);
  api.registerAgentService(replicaService, agents.replicaHandlers);
  installRoutes(api.http, { certificates, log, ...script });

  return {
    agents,
    start: async () => {
      await worker.start();
      await agents.start();
    },
    ready: () => agents.ready(),
    stop: async () => {
      watcher.close();
      await agents.stop();
    },
  };
}
