import {
  AdoptionServiceService,
  BuildsServiceService,
  ContainersServiceService,
  DriftServiceService,
  FilesServiceService,
  LinkProfilesServiceService,
  MaintenanceWindowsServiceService,
  MetricsServiceService,
  RegistriesServiceService,
  RolloutsServiceService,
  StacksServiceService,
} from "@windflow/proto/api";
import { adoptionHandlers, createAdoptionService, readAdopted, runsAlready } from "./adoption/index.ts";
import type { AgentGateway, AgentHooks } from "./agents/index.ts";
import type { Api } from "./api/index.ts";
import type { Audit } from "./audit/index.ts";
import { createBuilds, createBuildsOnHosts, createBuiltImages, type Builds } from "./builds/index.ts";
import { createRenderer } from "./compose/index.ts";
import {
  confirmObserved,
  containersHandlers,
  createContainersService,
  createTerminalSessions,
  fillCounted,
  hostObserved,
  storeObserved,
  TERMINAL_TICKET,
  ticketTerminal,
} from "./containers/index.ts";
import { createDrifts } from "./drift/index.ts";
import { createFiles, MAX_ORGANIZATION_BYTES } from "./files/index.ts";
import type { HostFigures, HostHistory, HostLinks, HostTimeline } from "./hosts/index.ts";
import { cacheMessage, createImages, DEFAULT_IMAGES, type ImageSettings } from "./images/index.ts";
import { createLinkReports, createLinksService, hostLinks, linksHandlers } from "./links/index.ts";
import { createMetrics } from "./metrics/index.ts";
import type { Platform, Sealer } from "./platform/index.ts";
import { createRegistriesService, registriesHandlers } from "./registries/index.ts";
import {
  createDesiredStates,
  createPlacementKeeper,
  createPreview,
  createProgressTeller,
  createRolloutsService,
  createRolloutWorker,
  rolloutsHandlers,
  type DesiredStates,
} from "./rollouts/index.ts";
import { createVault } from "./secrets/index.ts";
import {
  createComposeRenderer,
  createDrafts,
  createPlanning,
  createRevisions,
  createStacksService,
  hostsResolve,
  knownImages,
  stacksHandlers,
} from "./stacks/index.ts";
import { createProgressBoard } from "./status/index.ts";
import {
  createBuildDrafts,
  createBuildHosts,
  createStackFigures,
  createHostHealthKeeper,
  createHostPlanner,
  createImageResolver,
  createRegistryTester,
  createRolloutSight,
  createStackStanding,
  createTerminalRights,
  gateMetrics,
  hostHistory,
  hostTimeline,
} from "./views/index.ts";
import { createWindowsService, windowsHandlers } from "./windows/index.ts";

/** Stacks, rollouts, containers and metrics. */
export interface WorkloadSide {
  /** What hosts must run; for the sessions with them. */
  readonly desired: DesiredStates;
  /** Their last figures, from memory. */
  readonly figures: HostFigures;
  /** What is kept of hosts, to be forgotten with them. */
  readonly history: HostHistory;
  /** What happened on hosts. */
  readonly timeline: HostTimeline;
  /** The link profiles that they follow. */
  readonly links: HostLinks;
  /** Listens to the hosts and serves the API. Before the doors are opened. */
  connect(agents: { readonly gateway: AgentGateway; readonly hooks: AgentHooks }): void;
  start(): Promise<void>;
  stop(): Promise<void>;
}

// Raised when the database is restored from a backup, so that hosts take its generations again.
const FIRST_TERM = 1n;

export function buildWorkloadSide(parts: {
  readonly platform: Platform;
  readonly sealer: Sealer;
  readonly api: Api;
  readonly audit: Audit;
  readonly metricsKeptDays?: number | undefined;
  readonly images?: ImageSettings | undefined;
}): WorkloadSide {
  const { platform, api, audit } = parts;
  const { database, clock, newId, bus, log } = platform;
  const vault = createVault({ installation: parts.sealer, clock });
  const images = parts.images ?? DEFAULT_IMAGES;
  // Images have their own room, so that they leave people's files theirs.
  const organizationBytes = MAX_ORGANIZATION_BYTES + images.cacheBytes;
  const files = createFiles({ database, clock, jobs: platform.jobs, audit, organizationBytes });
  const renderer = createRenderer();
  const compose = createComposeRenderer(renderer);
  const onHosts = createBuildsOnHosts({ files: files.store });
  const delivery = createImages({
    platform,
    vault,
    files: files.store,
    settings: images,
    secret: parts.sealer.derive("layer tickets"),
    namedDigests: (tx) => desired.namedDigests(tx),
  });
  const desired: DesiredStates = createDesiredStates({
    database,
    clock,
    vault,
    files: files.store,
    term: FIRST_TERM,
    adopted: readAdopted,
    images: delivery,
    buildFiles: (tx, hostId, buildId, digest) => onHosts.mayFetch(tx, hostId, buildId, digest),
    buildRegistries: (tx, hostId, buildId) => onHosts.registriesFor(tx, hostId, buildId),
  });
  const progress = createProgressBoard();
  const sight = createRolloutSight(progress);
  const advancing = {
    clock,
    newId,
    sight,
    term: FIRST_TERM,
    listeningSince: clock.now().getTime(),
    database,
    gateMetrics,
  };
  const rollouts = createRolloutsService({ ...advancing, audit });
  const worker = createRolloutWorker({ ...advancing, bus, log, hostObserved });
  const metrics = createMetrics({ platform, keptDays: parts.metricsKeptDays });
  const drifts = createDrifts({ platform, audit, corrector: desired });
  const health = createHostHealthKeeper({ database, clock, bus, log });
  const keeper = createPlacementKeeper({ ...advancing, bus, log, hostObserved });
  const linkReports = createLinkReports({ database, clock, log });
  let builds: Builds | undefined;

  return {
    desired,
    figures: metrics.hostFigures,
    history: hostHistory,
    timeline: hostTimeline,
    links: hostLinks,
    connect: ({ gateway, hooks }) => {
      const stacks = createStacksService({ database, clock, newId, audit, remover: rollouts, carrier: desired });
      const drafts = createDrafts({ database, vault, compose, files: files.store });
      const hosts = createBuildHosts({ clock });
      const built = createBuiltImages({ database, clock, files: files.store, hosts });
      const images = { built, resolver: createImageResolver({ database, vault, gateway, clock, here: delivery }) };
      const revisions = createRevisions({ database, clock, vault, drafts, images, files: files.store, audit });
      const revisionsWith = (known: Parameters<typeof knownImages>[0]) =>
        createRevisions({ database, clock, vault, drafts, images: knownImages(known), files: files.store, audit });
      const adoption = createAdoptionService({
        database,
        clock,
        newId,
        audit,
        gateway,
        stacks,
        // What runs is what stays: no registry is asked what its tags stand for by now.
        revisions: createRevisions({
          database,
          clock,
          vault,
          drafts,
          images: { built: runsAlready, resolver: hostsResolve },
          files: files.store,
          audit,
        }),
        rollouts,
      });
      const buildDrafts = createBuildDrafts(drafts);
      builds = createBuilds({ platform, audit, files: files.store, drafts: buildDrafts, hosts, gateway });
      const planning = createPlanning({ database, revisions, hosts: createHostPlanner({ gateway, clock }) });
      const tester = createRegistryTester({ database, gateway });
      const registries = createRegistriesService({ database, clock, newId, vault, audit, tester });
      const standing = createStackStanding({ clock, progress });
      const containers = createContainersService({ database, clock, newId, audit, gateway });
      const rights = createTerminalRights({ database, bus, clock });
      const sessions = createTerminalSessions({ database, clock, log, newId, audit, gateway, rights });
      api.registerService(
        StacksServiceService,
        stacksHandlers({
          database,
          service: stacks,
          revisions,
          planning,
          standing,
          compose,
          files: files.store,
        }),
      );
      api.registerService(FilesServiceService, files.handlers);
      const windows = createWindowsService({ database, clock, newId, audit });
      api.registerService(MaintenanceWindowsServiceService, windowsHandlers({ database, clock, service: windows }));
      const links = createLinksService({ database, clock, newId, audit });
      api.registerService(
        LinkProfilesServiceService,
        linksHandlers({
          database,
          clock,
          service: links,
          reports: linkReports,
          imageCache: async ({ organizationId }) => cacheMessage(await delivery.cache(organizationId)),
        }),
      );
      api.registerService(BuildsServiceService, builds.handlers);
      api.registerService(AdoptionServiceService, adoptionHandlers({ database, service: adoption, standing }));
      api.registerService(DriftServiceService, drifts.handlers({ files: files.store, vault, gateway, revisionsWith }));
      const preview = createPreview({ database, clock, sight, planner: gateway });
      api.registerService(
        RolloutsServiceService,
        rolloutsHandlers({ database, clock, bus, service: rollouts, sight, preview }),
      );
      api.registerService(RegistriesServiceService, registriesHandlers({ service: registries }));
      api.registerService(
        ContainersServiceService,
        containersHandlers({
          service: containers,
          sessions,
          gateway,
          figures: metrics.containerFigures,
          tickets: api.tickets,
        }),
      );
      api.registerService(MetricsServiceService, metrics.handlers(gateway));
      const fleetFigures = metrics.fleetFigures(createStackFigures(standing));
      api.scrapes.handle((caller) => fleetFigures(caller.organizationId));
      api.terminals.handle(TERMINAL_TICKET, ticketTerminal(sessions));

      const teller = createProgressTeller({ database, bus, log });
      hooks.onObserved(async (tx, reports) => {
        await storeObserved(tx, reports);
        await metrics.containers.note(tx, reports);
        await drifts.observe(tx, reports);
        await health.observe(tx, reports);
        tx.afterCommit(() => {
          for (const { hostId, state } of reports) {
            for (const stack of state.stacks) if (stack.converged) progress.clear(hostId, stack.stackId);
          }
        });
      });
      hooks.onConfirmed(confirmObserved);
      hooks.onProgress((report) => {
        progress.note(report.hostId, report.progress);
        teller.told(report);
      });
      hooks.onLinkReport((host, report) => linkReports.note(host, report));
      hooks.onDesiredStateReply((reply) => desired.answered(reply));
      hooks.onSpool(metrics.sink);
      hooks.onSpool(drifts.sink);
    },
    start: async () => {
      linkReports.start();
      await metrics.start();
      await files.start();
      await drifts.start();
      await fillCounted(database);
      await health.start();
      await builds?.start();
      await worker.start();
      await keeper.start();
    },
    stop: async () => {
      await keeper.stop();
      await worker.stop();
      await health.stop();
      await renderer.close();
      await linkReports.stop();
      await metrics.stop();
    },
  };
}
