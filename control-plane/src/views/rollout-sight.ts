import { ObservedStack } from "@windflow/proto/agent";
import type { ServiceStatus as ServiceStatusMessage } from "@windflow/proto/api";
import { sql } from "kysely";
import {
  readObservedHosts,
  readObservedStacks,
  type ObservedHost,
  type ObservedStackRow,
} from "../containers/index.ts";
import type { HostPresence } from "../hosts/index.ts";
import type { UnitOfWork } from "../platform/index.ts";
import type { HostView, RolloutSight, StackReport } from "../rollouts/index.ts";
import { placementSight } from "./placement-sight.ts";
import { serviceMessage, servicesOf, type ProgressBoard } from "../status/index.ts";

/** What rollouts see of hosts: presence, the last report, and what was refused. */
export function createRolloutSight(progress: ProgressBoard): RolloutSight {
  return {
    ...placementSight,
    viewsOf: readViews,
    workOf: async (tx, stackId, hostIds) => {
      const observed = await readObservedHosts(tx, hostIds);
      const stacks = await stacksByHost(tx, stackId);
      return new Map(
        hostIds.map((hostId) => {
          const work = progress.of(hostId, stackId);
          const services = servicesNow(stacks.get(hostId), observed.get(hostId), hostId, progress);
          const probes = stacks.get(hostId)?.report.probes ?? [];
          return [hostId, { services, currentStep: work?.currentStep ?? "", probes }];
        }),
      );
    },
  };
}

async function stacksByHost(tx: UnitOfWork, stackId: string): Promise<Map<string, ObservedStackRow>> {
  const rows = await readObservedStacks(tx, [stackId]);
  return new Map(rows.map((row) => [row.hostId, row]));
}

function servicesNow(
  row: ObservedStackRow | undefined,
  observed: ObservedHost | undefined,
  hostId: string,
  progress: ProgressBoard,
): ServiceStatusMessage[] {
  if (row === undefined || observed === undefined) return [];
  return servicesOf(row.report, progress.of(hostId, row.stackId), observed.clockSkewMs).map(serviceMessage);
}

interface ViewRow {
  host_id: string;
  presence: HostPresence | null;
  presence_cause: string | null;
  presence_since: Date | null;
  term: bigint | null;
  n: bigint | null;
  observed_at: Date | null;
  received_at: Date | null;
  engine_problem: string | null;
  containers: number | null;
  report: Buffer | null;
  refused_term: bigint | null;
  refused_n: bigint | null;
  refused_cause: string | null;
}

// One look for all hosts: this is on the way of every step of every rollout.
async function readViews(tx: UnitOfWork, stackId: string, hostIds: readonly string[]): Promise<Map<string, HostView>> {
  const answer = await sql<ViewRow>`
    SELECT wanted.host_id, h.presence, h.presence_cause, h.presence_since, o.term, o.n, o.observed_at, o.received_at,
      o.engine_problem, s.containers, s.report, d.refused_term, d.refused_n, d.refused_cause
    FROM unnest(${[...hostIds]}::text[]) AS wanted(host_id)
    LEFT JOIN hosts h ON h.id = wanted.host_id
    LEFT JOIN observed_hosts o ON o.host_id = wanted.host_id
    LEFT JOIN observed_stacks s ON s.host_id = wanted.host_id AND s.stack_id = ${stackId}
    LEFT JOIN host_desired d ON d.host_id = wanted.host_id`.execute(tx.queries);
  return new Map(answer.rows.map((row) => [row.host_id, viewOf(row)]));
}

function viewOf(row: ViewRow): HostView {
  if (row.presence === null) return { reach: "gone", reachCause: "the host was removed" };
  const { observed_at: observedAt, report } = row;
  return {
    reach: reachOf(row.presence),
    reachCause: row.presence_cause ?? "",
    ...(row.presence === "online" ? { reachedSince: row.presence_since?.getTime() ?? 0 } : {}),
    ...(row.received_at === null || row.engine_problem !== ""
      ? {}
      : { observedGeneration: { term: row.term ?? 0n, n: row.n ?? 0n }, receivedAt: row.received_at.getTime() }),
    ...(report === null || observedAt === null
      ? {}
      : { stack: reportOf(ObservedStack.decode(report), row.containers ?? 0, observedAt.getTime()) }),
    ...(row.refused_term === null
      ? {}
      : {
          refused: { generation: { term: row.refused_term, n: row.refused_n ?? 0n }, cause: row.refused_cause ?? "" },
        }),
  };
}

function reachOf(presence: HostPresence): HostView["reach"] {
  switch (presence) {
    case "online":
      return "reached";
    case "stale":
      return "uncertain";
    case "never-seen":
    case "offline":
    case "quarantined":
      return "not-reached";
    case "revoked":
      return "gone";
  }
}

function reportOf(report: ObservedStack, containers: number, at: number): StackReport {
  const ended = report.services.find((service) => service.state === "failed");
  const waiting = report.services.find((service) => service.state !== "running" && service.state !== "completed");
  return {
    revision: report.revision,
    converged: report.converged,
    problem: report.problem,
    ...(report.failedAttempt === "" ? {} : { failedAttempt: report.failedAttempt }),
    ...(report.attempt === "" ? {} : { attempt: report.attempt }),
    ...(report.heldRevision === 0 ? {} : { heldRevision: report.heldRevision }),
    restarts: report.restarts,
    probes: report.probes,
    containers,
    waitingFor: waiting === undefined ? "" : `${waiting.service} is ${waiting.state}: ${waiting.cause}`,
    ...(report.healthySince === undefined ? {} : { healthyForMs: Math.max(0, at - report.healthySince.getTime()) }),
    ...(ended === undefined
      ? {}
      : {
          ended: {
            cause: `${ended.service}: ${ended.cause}`,
            neverRan: ended.containerIds.length === 0,
            forMs: ended.since === undefined ? 0 : Math.max(0, at - ended.since.getTime()),
          },
        }),
  };
}
