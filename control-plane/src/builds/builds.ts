import type { BuildsServiceService } from "@windflow/proto/api";
import type { Handlers } from "../api/index.ts";
import type { FileStore } from "../files/index.ts";
import type { Platform } from "../platform/index.ts";
import { buildsHandlers } from "./handlers.ts";
import type { AuditTrail, BuildDrafts, BuildGateway, BuildHosts } from "./ports.ts";
import { registerRunner } from "./runner.ts";
import { createBuildsService } from "./service.ts";
import { registerSweep } from "./sweep.ts";

export interface Builds {
  readonly handlers: Handlers<typeof BuildsServiceService>;
  start(): Promise<void>;
}

/** The service of builds with its workers. Before the jobs are started. */
export function createBuilds(parts: {
  readonly platform: Platform;
  readonly audit: AuditTrail;
  readonly files: FileStore;
  readonly drafts: BuildDrafts;
  readonly hosts: BuildHosts;
  readonly gateway: BuildGateway;
}): Builds {
  const { platform, audit, files, drafts, hosts, gateway } = parts;
  const { database, clock, newId, jobs, bus, log } = platform;
  registerRunner({ database, clock, log, bus, jobs, files, gateway });
  const sweep = registerSweep({ database, clock, jobs, files });
  const service = createBuildsService({ database, clock, newId, jobs, audit, files, drafts, hosts, bus });
  return { handlers: buildsHandlers({ service }), start: () => sweep.start() };
}
