import type { DriftServiceService } from "@windflow/proto/api";
import type { Handlers } from "../api/index.ts";
import type { FileStore } from "../files/index.ts";
import type { Platform } from "../platform/index.ts";
import type { Vault } from "../secrets/index.ts";
import { createAcceptDrift, type RevisionsWith } from "./accept.ts";
import { driftHandlers } from "./handlers.ts";
import { createDriftObserver } from "./observe.ts";
import type { AuditTrail, DriftCorrector, DriftGateway } from "./ports.ts";
import { createDriftService } from "./service.ts";
import { createDriftSink } from "./sink.ts";
import { createDriftSweep } from "./sweep.ts";

/** What hosts have that nobody asked for. */
export interface Drifts {
  /** For the hosts' reports, in the transaction that stores them. */
  readonly observe: ReturnType<typeof createDriftObserver>;
  /** For what hosts spooled. */
  readonly sink: ReturnType<typeof createDriftSink>;
  handlers(parts: {
    readonly files: FileStore;
    readonly vault: Vault;
    readonly gateway: DriftGateway;
    readonly revisionsWith: RevisionsWith;
  }): Handlers<typeof DriftServiceService>;
  start(): Promise<void>;
}

export function createDrifts(parts: {
  readonly platform: Platform;
  readonly audit: AuditTrail;
  readonly corrector: DriftCorrector;
}): Drifts {
  const { platform, audit, corrector } = parts;
  const { database, clock, newId, jobs } = platform;
  const sweep = createDriftSweep({ database, jobs, clock });
  return {
    observe: createDriftObserver({ clock, newId }),
    sink: createDriftSink({ clock, newId }),
    handlers: (more) =>
      driftHandlers({
        database,
        service: createDriftService({ database, clock, newId, audit, corrector }),
        accept: createAcceptDrift({ database, clock, newId, audit, ...more }),
      }),
    start: () => sweep.start(),
  };
}
