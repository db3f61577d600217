import type { AgentUpdatesServiceService } from "@windflow/proto/api";
import type { Handlers } from "../api/index.ts";
import type { Audit } from "../audit/index.ts";
import type { EventType, Platform } from "../platform/index.ts";
import { wantedAgentChanged } from "./events.ts";
import { updatesHandlers } from "./handlers.ts";
import { createIntake, type HeardOfAgent } from "./intake.ts";
import { createReleaseCatalog } from "./releases.ts";
import { createUpdatesService } from "./service.ts";
import { createWantedAgents, type WantedAgents } from "./wanted.ts";
import { createUpdateWorker } from "./worker.ts";

/** Updates of the agents themselves. */
export interface Updates {
  /** What agents are to become; `changed` tells of whom. For the sessions with them. */
  readonly wanted: WantedAgents & { readonly changed: EventType<{ organizationId: string; hostId: string }> };
  readonly handlers: Handlers<typeof AgentUpdatesServiceService>;
  /** What an agent says; resolves after the commit. */
  heard(said: HeardOfAgent): Promise<void>;
  start(): Promise<void>;
  stop(): Promise<void>;
}

/**
 * @param parts.folders where release folders lie
 * @param parts.releaseKeys public halves of the keys that sign releases, base64 of DER (SPKI); none: agents alone check signatures
 */
export function createUpdates(parts: {
  readonly platform: Platform;
  readonly audit: Audit;
  readonly folders: readonly string[];
  readonly releaseKeys: readonly string[];
}): Updates {
  const { platform, audit } = parts;
  const { database, clock, newId, bus, log } = platform;
  const catalog = createReleaseCatalog(parts.folders, parts.releaseKeys);
  const advancing = { clock, newId, listeningSince: clock.now().getTime() };
  const service = createUpdatesService({ ...advancing, database, audit, catalog });
  const worker = createUpdateWorker({ ...advancing, database, bus, log });
  return {
    wanted: { ...createWantedAgents(catalog), changed: wantedAgentChanged },
    handlers: updatesHandlers({ database, clock, bus, service, catalog }),
    heard: createIntake({ database, clock, bus }),
    start: () => worker.start(),
    stop: () => worker.stop(),
  };
}
