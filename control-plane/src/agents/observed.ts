import { ObservedState } from "@windflow/proto/agent";
import { announceHost, saveObservedFigures } from "../hosts/index.ts";
import { createGathering, ProblemError, type Clock, type Database, type UnitOfWork } from "../platform/index.ts";
import { agentsErrors } from "./errors.ts";
import { isPassing } from "./passing.ts";
import type { HostReference, ObservedHandler } from "./ports.ts";
import { controlPlaneTimes } from "./skew.ts";
import { readObservedDigests, saveObserved } from "./store.ts";
import { generationFromWire, generationText } from "./wire.ts";

/** Whose report it is. */
export type ObservedHost = HostReference & { epoch: bigint; clockSkewMs: number };

/**
 * Stores what a host sees, and what the domains make of it, in one transaction, which several hosts may share. Rejects with
 * WF_SESSION_SUPERSEDED when a session newer than `epoch` was opened: what it said must stand.
 */
export type TakeObserved = (host: ObservedHost, state: ObservedState) => Promise<void>;

interface Parts {
  database: Database;
  clock: Clock;
  handlers: readonly ObservedHandler[];
}

// When a whole fleet reports, four connections are busy with it and the others are there for everything else.
const LINES = 4;
// Some tens of milliseconds: nobody waits long for the rows that such a transaction holds.
const REPORTS_AT_ONCE = 20;

export function createObservedIntake(parts: Parts): TakeObserved {
  const take = createGathering<{ host: ObservedHost; state: ObservedState }, void>({
    lineOf: ({ host }) => `${host.organizationId} ${host.hostId.charCodeAt(host.hostId.length - 1) % LINES}`,
    keyOf: ({ host }) => host.hostId,
    limit: REPORTS_AT_ONCE,
    work: async (_line, reports) => {
      const [first] = reports;
      if (first === undefined) return [];
      // In one order everywhere, so that two transactions never wait for each other.
      const sorted = reports.toSorted((a, b) => (a.host.hostId < b.host.hostId ? -1 : 1));
      await parts.database.inOrganization(first.host.organizationId, async (tx) => {
        for (const { host, state } of sorted) await store(parts, tx, host, state);
      });
      return reports.map(() => undefined);
    },
    isOnesFault: (error) => !isPassing(error),
  });
  return (host, state) => take({ host, state });
}

async function store(parts: Parts, tx: UnitOfWork, host: ObservedHost, state: ObservedState): Promise<void> {
  const { organizationId, hostId, clockSkewMs } = host;
  const now = parts.clock.now();
  const [looked = now.getTime()] = controlPlaneTimes([state.at?.getTime()], clockSkewMs, now.getTime());
  const at = new Date(looked);
  const changed = (await readObservedDigests(tx, organizationId, [hostId])).get(hostId) !== state.digest;
  const bytes = ObservedState.encode(state).finish();
  await saveObserved(tx, host, { at, receivedAt: now, digest: state.digest, state: bytes });
  // After the row above is ours: from here on a newer session's report waits for this one.
  const current = await saveObservedFigures(tx, host, {
    generation: generationText(generationFromWire(state.generation)),
    containersRunning: state.containers.filter((container) => container.state === "running").length,
    containersTotal: state.containers.length,
  });
  if (!current) throw new ProblemError({ code: agentsErrors.WF_SESSION_SUPERSEDED });
  for (const handle of parts.handlers) {
    await handle(tx, { organizationId, hostId, at, receivedAt: now, clockSkewMs, state, changed });
  }
  if (changed) announceHost(tx, host, "updated", now);
}
