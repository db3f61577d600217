import { isIP } from "node:net";
import { AgentUpdatesServiceService, AuthServiceService } from "@windflow/proto/api";
import type { Agents } from "./agents/index.ts";
import { createApi, type Api } from "./api/index.ts";
import { buildHostSide } from "./app-hosts.ts";
import { RELEASE_KEYS } from "./version.ts";
import { buildWorkloadSide } from "./app-workloads.ts";
import { createAudit, type Audit } from "./audit/index.ts";
import type { ImageSettings } from "./images/index.ts";
import { openCertificates, type Certificates } from "./hosts/index.ts";
import { createIdentity, type Identity } from "./identity/index.ts";
import type { Platform, Sealer } from "./platform/index.ts";
import { desiredStateChanged } from "./rollouts/index.ts";
import { createUpdates } from "./updates/index.ts";

/** What the app is built from: `main.ts` gives the real parts, tests give their own. */
export interface AppParts {
  readonly platform: Platform;
  readonly sealer: Sealer;
  /** The buf image of the protos. */
  readonly image: Uint8Array;
  /** Names and addresses that the server's certificate stands for. */
  readonly names: readonly string[];
  /** `https://…` as people and agents write it; known before the port when the port is any free one. */
  readonly origins: readonly string[];
  /** The address that people and agents are shown, once the port is known. */
  readonly publicUrl: (port: number) => string;
  readonly uiFolder: string | undefined;
  readonly metricsToken: string | undefined;
  /** How long statistics of hosts and containers are kept; 30 days unless told. */
  readonly metricsKeptDays?: number;
  /** How images are fetched for hosts that cannot pull them. */
  readonly images?: ImageSettings;
  /** The user's own certificate for browsers, PEM. */
  readonly browserTls: { key: string; cert: string } | undefined;
  /** Folders with install.sh and built agents, for new hosts. */
  readonly installFolders?: readonly string[];
  /** Public halves (base64 of DER) of the keys that sign what lies there; those of this build unless told. */
  readonly releaseKeys?: readonly string[];
  /** `host:port` at which other control planes on the same database reach this one. */
  readonly replicaAddress?: (port: number) => string;
}

export interface App {
  readonly api: Api;
  readonly audit: Audit;
  readonly identity: Identity;
  readonly certificates: Certificates;
  readonly agents: Agents;
  /** Opens the port and starts the background work. Resolves with the port. */
  start(port: number, address: string): Promise<number>;
  /** Ends the open calls, then the work, then lets go of the platform. */
  close(): Promise<void>;
}

/** Puts the domains together. Nothing listens and no job runs before `start`. */
export async function buildApp(parts: AppParts): Promise<App> {
  const { platform, sealer } = parts;
  const { database, clock, log, newId, bus } = platform;
  const audit = createAudit({ database, clock, newId });
  const identity = createIdentity({ database, clock, log, newId, audit, bus });
  const names = {
    dns: parts.names.filter((name) => isIP(name) === 0),
    addresses: parts.names.filter((name) => isIP(name) !== 0),
  };
  const certificates = await openCertificates({ database, sealer, clock, log, newId, names });
  const api = await createApi({
    platform,
    sealer,
    image: parts.image,
    authenticator: identity.authenticator,
    identity: doorIdentity(certificates, parts.browserTls),
    origins: parts.origins,
    uiFolder: parts.uiFolder,
    metricsToken: parts.metricsToken,
  });
  certificates.onServerCertificate(() => api.setIdentity(doorIdentity(certificates, parts.browserTls)));
  api.registerService(AuthServiceService, identity.authHandlers);

  const workloads = buildWorkloadSide({
    platform,
    sealer,
    api,
    audit,
    metricsKeptDays: parts.metricsKeptDays,
    images: parts.images,
  });
  const updates = createUpdates({
    platform,
    audit,
    folders: parts.installFolders ?? [],
    releaseKeys: parts.releaseKeys ?? RELEASE_KEYS,
  });
  api.registerService(AgentUpdatesServiceService, updates.handlers);
  let port = 0;
  const hostSide = await buildHostSide({
    platform,
    api,
    audit,
    certificates,
    figures: workloads.figures,
    history: workloads.history,
    timeline: workloads.timeline,
    links: workloads.links,
    desired: workloads.desired,
    desiredStateChanged,
    releases: updates.wanted,
    publicUrl: () => parts.publicUrl(port),
    installFolders: parts.installFolders ?? [],
    releaseKeys: parts.releaseKeys ?? RELEASE_KEYS,
    address: () => (port === 0 ? "" : (parts.replicaAddress?.(port) ?? "")),
  });
  workloads.connect(hostSide.agents);
  hostSide.agents.hooks.onAgentUpdate((report) => updates.heard(report));

  return {
    api,
    audit,
    identity,
    certificates,
    agents: hostSide.agents,
    start: async (wanted, address) => {
      platform.jobs.start();
      await hostSide.start();
      await workloads.start();
      await updates.start();
      port = await api.open(wanted, address);
      await hostSide.ready();
      return port;
    },
    close: async () => {
      await hostSide.stop();
      await updates.stop();
      await workloads.stop();
      await api.close();
      await certificates.close();
      await platform.close();
    },
  };
}

function doorIdentity(certificates: Certificates, browser: AppParts["browserTls"]): Parameters<Api["setIdentity"]>[0] {
  const { privateKeyPem, certificateChainPem } = certificates.server();
  return { key: privateKeyPem, cert: certificateChainPem, agentAuthorities: certificates.rootsPem(), browser };
}
