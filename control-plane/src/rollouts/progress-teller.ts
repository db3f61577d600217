import { field, type Database, type EventBus, type Log } from "../platform/index.ts";
import { rolloutTouched } from "./events.ts";
import { readOpenOfHosts } from "./store.ts";

/** Tells who watches a rollout that one of its hosts is a step on. */
export interface ProgressTeller {
  told(report: { readonly organizationId: string; readonly hostId: string }): void;
}

// A pull reports many times a second; nobody reads faster than this.
const QUIET_MS = 250;

export function createProgressTeller(parts: {
  readonly database: Database;
  readonly bus: EventBus;
  readonly log: Log;
}): ProgressTeller {
  const { database, bus, log } = parts;
  const quiet = new Set<string>();

  function tell(organizationId: string, hostId: string): void {
    database
      .inOrganization(organizationId, (tx) => readOpenOfHosts(tx, [hostId]), { readOnly: true })
      .then((ids) => {
        // Progress is in the memory of this replica only: there is nothing to tell the others.
        for (const rolloutId of ids) {
          bus.deliver({ name: rolloutTouched.name, payload: { organizationId, rolloutId } });
        }
      })
      .catch((error: unknown) => {
        log.debug(
          { err: error, [field.hostId]: hostId },
          "The progress of a host could not be told; the next report comes.",
        );
      });
  }

  return {
    told: ({ organizationId, hostId }) => {
      if (quiet.has(hostId)) return;
      quiet.add(hostId);
      setTimeout(() => {
        quiet.delete(hostId);
        tell(organizationId, hostId);
      }, QUIET_MS).unref();
    },
  };
}
