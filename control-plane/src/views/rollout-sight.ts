import type { ServiceStatus as ServiceStatusMessage } from "@windflow/proto/api";
import {
  readObservedHosts,
  readObservedStacks,
  type ObservedHost,
  type ObservedStackRow,
} from "../containers/index.ts";
import { listHostSummaries, type HostSummary } from "../hosts/index.ts";
import type { UnitOfWork } from "../platform/index.ts";
import { readRefusals, type HostView, type RolloutSight, type StackReport } from "../rollouts/index.ts";
import { serviceMessage, servicesOf, type ProgressBoard } from "../status/index.ts";

/** What rollouts see of hosts: presence, the last report, and what was refused. */
export function createRolloutSight(progress: ProgressBoard): RolloutSight {
  return {
    viewsOf: async (tx, stackId, hostIds) => {
      const summaries = await listHostSummaries(tx, { hostIds });
      const byId = new Map(summaries.map((host) => [host.hostId, host]));
      const observed = await readObservedHosts(tx, hostIds);
      const stacks = await stacksByHost(tx, stackId);
      const refusals = await readRefusals(tx, hostIds);
      return new Map(
        hostIds.map((hostId) => [
          hostId,
          viewOf(byId.get(hostId), observed.get(hostId), stacks.get(hostId), refusals.get(hostId)),
        ]),
      );
    },
    workOf: async (tx, stackId, hostIds) => {
      const observed = await readObservedHosts(tx, hostIds);
      const stacks = await stacksByHost(tx, stackId);
      return new Map(
        hostIds.map((hostId) => {
          const work = progress.of(hostId, stackId);
          const services = servicesNow(stacks.get(hostId), observed.get(hostId), hostId, progress);
          return [hostId, { services, currentStep: work?.currentStep ?? "" }];
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
  return servicesOf(row.report, progress.of(hostId, row.stackId)).map(serviceMessage);
}

function viewOf(
  host: HostSummary | undefined,
  observed: ObservedHost | undefined,
  row: ObservedStackRow | undefined,
  refused: { generation: { term: bigint; n: bigint }; cause: string } | undefined,
): HostView {
  if (host === undefined) return { reach: "gone", reachCause: "the host was removed" };
  return {
    reach: reachOf(host),
    reachCause: host.presenceCause,
    ...(host.presence === "online" ? { reachedSince: host.presenceSince.getTime() } : {}),
    ...(observed === undefined || observed.engineProblem !== ""
      ? {}
      : { observedGeneration: observed.generation, receivedAt: observed.receivedAt.getTime() }),
    ...(row === undefined || observed === undefined ? {} : { stack: reportOf(row, observed) }),
    ...(refused === undefined ? {} : { refused }),
  };
}

function reachOf(host: HostSummary): HostView["reach"] {
  switch (host.presence) {
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

function reportOf(row: ObservedStackRow, observed: ObservedHost): StackReport {
  const { report } = row;
  const at = observed.observedAt.getTime();
  const ended = report.services.find((service) => service.state === "failed");
  const waiting = report.services.find((service) => service.state !== "running" && service.state !== "completed");
  return {
    revision: report.revision,
    converged: report.converged,
    problem: report.problem,
    containers: row.containers,
    waitingFor: waiting === undefined ? "" : `${waiting.service} is ${waiting.state}: ${waiting.cause}`,
    ...(report.healthySince === undefined ? {} : { healthyForMs: Math.max(0, at - report.healthySince.getTime()) }),
    ...(ended === undefined
      ? {}
      : {
          ended: {
            cause: `${ended.service}: ${ended.cause}`,
            forMs: ended.since === undefined ? 0 : Math.max(0, at - ended.since.getTime()),
          },
        }),
  };
}
