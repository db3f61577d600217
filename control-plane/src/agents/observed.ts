import { ObservedState } from "@windflow/proto/agent";
import { announceHost, saveObservedFigures } from "../hosts/index.ts";
import { createGathering, ProblemError, type Clock, type Database, type UnitOfWork } from "../platform/index.ts";
import { agentsErrors } from "./errors.ts";
import { isPassing } from "./passing.ts";
import type { HostReference, ObservedHandler, ObservedReport } from "./ports.ts";
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

interface Taken {
  readonly host: ObservedHost;
  readonly state: ObservedState;
  readonly bytes: Uint8Array;
}

interface Parts {
  database: Database;
  clock: Clock;
  handlers: readonly ObservedHandler[];
  /** While a whole fleet is being told something its answers wait: reading them would keep the others from being told. */
  told(): Promise<void> | undefined;
}

// When a whole fleet reports, four connections are busy with it and the others are there for everything else.
const LINES = 4;
// Some tens of milliseconds: nobody waits long for the rows that such a transaction holds.
const REPORTS_AT_ONCE = 50;
// While they come one upon the other, a few share the dozen statements; one that comes alone does not wait.
const STORM = { ms: 40, enough: 20, least: 2 };
// Statements carry them as text, twice as long: large reports go with few others.
const BYTES_AT_ONCE = 2 * 1024 * 1024;

export function createObservedIntake(parts: Parts): TakeObserved {
  const take = createGathering<Taken, void>({
    lineOf: ({ host }) => `${host.organizationId} ${host.hostId.charCodeAt(host.hostId.length - 1) % LINES}`,
    keyOf: ({ host }) => host.hostId,
    limit: REPORTS_AT_ONCE,
    linger: STORM,
    weight: { of: ({ bytes }) => bytes.length, limit: BYTES_AT_ONCE },
    work: async (_line, reports) => {
      const [first] = reports;
      if (first === undefined) return [];
      await parts.told();
      // In one order everywhere, so that two transactions never wait for each other.
      const sorted = reports.toSorted((a, b) => (a.host.hostId < b.host.hostId ? -1 : 1));
      const { organizationId } = first.host;
      await parts.database.inOrganization(organizationId, (tx) => store(parts, tx, organizationId, sorted));
      return reports.map(() => undefined);
    },
    isOnesFault: (error) => !isPassing(error),
  });
  return async (host, state) => take({ host, state, bytes: ObservedState.encode(state).finish() });
}

async function store(parts: Parts, tx: UnitOfWork, organizationId: string, taken: readonly Taken[]): Promise<void> {
  const now = parts.clock.now();
  const hostIds = taken.map(({ host }) => host.hostId);
  const digests = await readObservedDigests(tx, organizationId, hostIds);
  const reports = taken.map(({ host: { hostId, clockSkewMs }, state }): ObservedReport => {
    const [looked = now.getTime()] = controlPlaneTimes([state.at?.getTime()], clockSkewMs, now.getTime());
    const changed = digests.get(hostId) !== state.digest;
    return { organizationId, hostId, at: new Date(looked), receivedAt: now, clockSkewMs, state, changed };
  });
  const bytes = new Map(taken.map((one) => [one.host.hostId, one.bytes]));
  const rows = reports.map(({ hostId, at, receivedAt, state }) => {
    return { hostId, at, receivedAt, digest: state.digest, state: bytes.get(hostId) ?? new Uint8Array() };
  });
  await saveObserved(tx, organizationId, rows);
  // After the rows above are ours: from here on a newer session's report waits for this one.
  const current = await saveObservedFigures(tx, organizationId, taken.map(figuresOf));
  // Each is tried alone then: only what an older session said is refused.
  if (current.size < taken.length) throw new ProblemError({ code: agentsErrors.WF_SESSION_SUPERSEDED });
  for (const handle of parts.handlers) await handle(tx, reports);
  for (const { hostId, changed } of reports) if (changed) announceHost(tx, { organizationId, hostId }, "updated", now);
}

function figuresOf({ host: { hostId, epoch }, state }: Taken): Parameters<typeof saveObservedFigures>[2][number] {
  return {
    hostId,
    epoch,
    generation: generationText(generationFromWire(state.generation)),
    containersRunning: state.containers.filter((container) => container.state === "running").length,
    containersTotal: state.containers.length,
  };
}
