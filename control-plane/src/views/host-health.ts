import { ObservedStack, type ObservedState } from "@windflow/proto/agent";
import { sql } from "kysely";
import { announceHost, saveHealth } from "../hosts/index.ts";
import { field, type Clock, type Database, type EventBus, type Log, type UnitOfWork } from "../platform/index.ts";
import { desiredStateChanged, type DesiredStateChange } from "../rollouts/index.ts";
import { hostReportHealth, type HostStackFacts, type NamedStackFacts } from "../status/index.ts";
import { reportFacts, type SaidAt } from "./stack-facts.ts";

/** Keeps what each host's last report comes to, beside what the host must run. */
export interface HostHealthKeeper {
  /** In the transaction that stores the reports, which are of one organization and each of another host. */
  observe(tx: UnitOfWork, reports: readonly HostReport[]): Promise<void>;
  /** Begins to follow what hosts must run, and looks at reports from before there was anything to keep. */
  start(): Promise<void>;
  stop(): Promise<void>;
}

interface HostReport {
  readonly organizationId: string;
  readonly hostId: string;
  readonly receivedAt: Date;
  readonly clockSkewMs: number;
  readonly state: ObservedState;
}

interface WantedRow {
  readonly host_id: string;
  readonly stack_id: string;
  readonly name: string;
  /** 0: the host reports it, and must not run it. */
  readonly revision: number;
}

// A rollout changes many hosts in one transaction: one look for all of them.
const GATHER_MS = 50;
const HOSTS_PER_TRANSACTION = 200;

export function createHostHealthKeeper(parts: {
  readonly database: Database;
  readonly clock: Clock;
  readonly bus: EventBus;
  readonly log: Log;
}): HostHealthKeeper {
  const { database, clock, bus, log } = parts;
  const stopping = new AbortController();
  const waiting = new Map<string, Set<string>>();
  let work: Promise<void> | undefined;
  let unsubscribe: () => void = () => undefined;

  /** What was reported before stands; what the hosts must run has changed. */
  async function lookAgain(organizationId: string, hostIds: readonly string[]): Promise<void> {
    await database.inOrganization(organizationId, async (tx) => {
      const now = clock.now();
      const wanted = Map.groupBy(await readWanted(tx, hostIds), (row) => row.host_id);
      const stored = await readStored(tx, hostIds);
      const told = stored.map(({ hostId, engineProblem, said, stacks }) => {
        const facts = namedFacts(hostId, wanted.get(hostId) ?? [], stacks, said);
        return { hostId, ...hostReportHealth(facts, engineProblem, now) };
      });
      for (const hostId of await saveHealth(tx, organizationId, told))
        announceHost(tx, { organizationId, hostId }, "updated", now);
    });
  }

  async function run(): Promise<void> {
    while (waiting.size > 0 && !stopping.signal.aborted) {
      await clock.sleep(GATHER_MS, stopping.signal).catch(() => undefined);
      const all = [...waiting];
      waiting.clear();
      for (const [organizationId, hostIds] of all) {
        const ids = [...hostIds].toSorted();
        for (let start = 0; start < ids.length; start += HOSTS_PER_TRANSACTION) {
          // The next report of each of these hosts says it again: nothing is lost for good.
          await lookAgain(organizationId, ids.slice(start, start + HOSTS_PER_TRANSACTION)).catch((error: unknown) =>
            log.warn({ err: error, [field.area]: "host health" }, "The health of hosts could not be written."),
          );
        }
      }
    }
    work = undefined;
  }

  function look(organizationId: string, hostIds: readonly string[]): void {
    const hosts = waiting.get(organizationId) ?? new Set();
    waiting.set(organizationId, hosts);
    for (const hostId of hostIds) hosts.add(hostId);
    work ??= run();
  }
  function changed({ organizationId, hostIds, sameRevisions }: DesiredStateChange): void {
    if (!sameRevisions) look(organizationId, hostIds);
  }

  return {
    observe: async (tx, reports) => {
      const [first] = reports;
      if (first === undefined) return;
      const hostIds = reports.map(({ hostId }) => hostId);
      const wanted = Map.groupBy(await readWanted(tx, hostIds), (row) => row.host_id);
      const told = reports.map(({ hostId, receivedAt, clockSkewMs, state }) => {
        const said = { observedAt: state.at ?? receivedAt, clockSkewMs, confirmedAt: receivedAt };
        const facts = namedFacts(hostId, wanted.get(hostId) ?? [], state.stacks, said);
        return { hostId, ...hostReportHealth(facts, state.engineProblem, receivedAt) };
      });
      await saveHealth(tx, first.organizationId, told);
    },
    start: async () => {
      unsubscribe = bus.on(desiredStateChanged, changed);
      // A host whose last report still holds reports nothing again.
      const unjudged = await database.asSystem(readUnjudged, { readOnly: true });
      for (const { organizationId, hostId } of unjudged) look(organizationId, [hostId]);
    },
    stop: async () => {
      unsubscribe();
      stopping.abort();
      await work;
    },
  };
}

function namedFacts(
  hostId: string,
  wanted: readonly WantedRow[],
  reports: readonly ObservedStack[],
  said: SaidAt,
): NamedStackFacts[] {
  const byStack = new Map(reports.map((report) => [report.stackId, report]));
  const known = new Set(wanted.map((row) => row.stack_id));
  const left = reports
    .filter(({ stackId }) => !known.has(stackId))
    .map(({ stackId }) => ({ host_id: hostId, stack_id: stackId, name: stackId, revision: 0 }));
  return [...wanted, ...left].map(({ stack_id: stackId, name, revision }) => {
    const report = byStack.get(stackId);
    const facts: HostStackFacts = {
      hostId,
      hostName: "",
      presence: "online",
      presenceCause: "",
      desiredRevision: revision,
      engineProblem: "",
      ...(report === undefined ? {} : { report: reportFacts(report, said, undefined) }),
    };
    return { stackName: name, facts };
  });
}

/** Hosts that have reported and of which nothing is kept yet. */
async function readUnjudged(tx: UnitOfWork): Promise<{ organizationId: string; hostId: string }[]> {
  const answer = await sql<{ organizationId: string; hostId: string }>`
    SELECT o.organization_id AS "organizationId", o.host_id AS "hostId" FROM observed_hosts o
    WHERE NOT EXISTS (SELECT FROM host_health h WHERE h.host_id = o.host_id)`.execute(tx.queries);
  return answer.rows;
}

/** What the hosts must run, by the stacks' names. */
async function readWanted(tx: UnitOfWork, hostIds: readonly string[]): Promise<WantedRow[]> {
  const answer = await sql<WantedRow>`SELECT d.host_id, d.stack_id, s.name, d.revision
    FROM host_desired_stacks d JOIN stacks s ON s.id = d.stack_id
    WHERE d.host_id = ANY(${[...hostIds]}) ORDER BY s.name`.execute(tx.queries);
  return answer.rows;
}

interface StoredReport {
  readonly hostId: string;
  readonly engineProblem: string;
  readonly said: SaidAt;
  readonly stacks: readonly ObservedStack[];
}

async function readStored(tx: UnitOfWork, hostIds: readonly string[]): Promise<StoredReport[]> {
  const answer = await sql<{
    host_id: string;
    observed_at: Date;
    received_at: Date;
    clock_skew_ms: number;
    engine_problem: string;
    reports: Buffer[];
  }>`
    SELECT o.host_id, o.observed_at, o.received_at, o.clock_skew_ms, o.engine_problem,
      ARRAY(SELECT s.report FROM observed_stacks s WHERE s.host_id = o.host_id ORDER BY s.stack_id) AS reports
    FROM observed_hosts o WHERE o.host_id = ANY(${[...hostIds]})`.execute(tx.queries);
  return answer.rows.map((row) => ({
    hostId: row.host_id,
    engineProblem: row.engine_problem,
    said: { observedAt: row.observed_at, clockSkewMs: row.clock_skew_ms, confirmedAt: row.received_at },
    stacks: row.reports.map((report) => ObservedStack.decode(report)),
  }));
}
