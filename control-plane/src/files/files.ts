import type { FilesServiceService } from "@windflow/proto/api";
import type { Handlers } from "../api/index.ts";
import type { Audit } from "../audit/index.ts";
import type { Clock, Database, Jobs } from "../platform/index.ts";
import { createFileStore } from "./file-store.ts";
import { filesHandlers } from "./handlers.ts";
import { MAX_ORGANIZATION_BYTES } from "./model.ts";
import type { FileStore } from "./ports.ts";
import { createFilesService } from "./service.ts";
import { createFilesSweep } from "./sweep.ts";
import { createUploads } from "./uploads.ts";

export interface Files {
  readonly store: FileStore;
  readonly handlers: Handlers<typeof FilesServiceService>;
  start(): Promise<void>;
  /** Removes some that nobody needs; returns in how many steps. 0: there are none. */
  sweep(): Promise<number>;
}

export function createFiles(parts: {
  readonly database: Database;
  readonly clock: Clock;
  readonly jobs: Jobs;
  readonly audit: Audit;
  /** Room for the files and images of one organization; 20 GiB unless told. */
  readonly organizationBytes?: number;
}): Files {
  const { database, clock, jobs, audit, organizationBytes = MAX_ORGANIZATION_BYTES } = parts;
  const uploads = createUploads({ database, clock, organizationBytes });
  const sweep = createFilesSweep({ database, jobs, clock });
  return {
    store: createFileStore({ database, clock, uploads }),
    handlers: filesHandlers(createFilesService({ database, clock, audit, uploads })),
    start: () => sweep.start(),
    sweep: () => sweep.once(),
  };
}
