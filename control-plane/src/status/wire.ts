import type { ObservedStack } from "@windflow/proto/agent";
import {
  ServiceState as ServiceStateMessage,
  type ServiceStatus as ServiceStatusMessage,
  type StackHostStatus,
  type StackStatus as StackStatusMessage,
} from "@windflow/proto/api";
import { inOurTime } from "../platform/index.ts";
import {
  serviceStateOf,
  type HostStackStatus,
  type ServiceState,
  type ServiceStatus,
  type StackStatus,
} from "./model.ts";
import type { StackProgress } from "./progress.ts";

const states: Record<ServiceState, ServiceStateMessage> = {
  unknown: ServiceStateMessage.SERVICE_STATE_UNKNOWN,
  pending: ServiceStateMessage.SERVICE_STATE_PENDING,
  pulling: ServiceStateMessage.SERVICE_STATE_PULLING,
  starting: ServiceStateMessage.SERVICE_STATE_STARTING,
  running: ServiceStateMessage.SERVICE_STATE_RUNNING,
  unhealthy: ServiceStateMessage.SERVICE_STATE_UNHEALTHY,
  completed: ServiceStateMessage.SERVICE_STATE_COMPLETED,
  "crash-looping": ServiceStateMessage.SERVICE_STATE_CRASH_LOOPING,
  failed: ServiceStateMessage.SERVICE_STATE_FAILED,
  stopped: ServiceStateMessage.SERVICE_STATE_STOPPED,
};
const NOTHING_PULLED = -1;
const NEVER_OBSERVED = -1;
// Lines come from a host and from what runs there; as many as its agent sends.
const MAX_LINES = 20;
const MAX_LINE_CHARACTERS = 500;

/** The services of a host's report, with the pull that goes on for them, in our time. @param clockSkewMs how far the host's clock is ahead */
export function servicesOf(
  report: ObservedStack,
  progress: StackProgress | undefined,
  clockSkewMs: number,
): ServiceStatus[] {
  const ours = (time: Date): Date => inOurTime(time, clockSkewMs);
  return report.services.map((service) => {
    const percent = progress?.revision === report.revision ? progress.pullPercent.get(service.service) : undefined;
    return {
      service: service.service,
      state: serviceStateOf(service.state),
      cause: service.cause,
      containersRunning: service.containersRunning,
      containersWanted: service.containersWanted,
      containerIds: service.containerIds,
      lastLogLines: bounded(service.lastLogLines),
      evidence: bounded(service.evidence),
      ...(service.since === undefined ? {} : { since: ours(service.since) }),
      ...(service.nextAttemptAt === undefined ? {} : { nextAttemptAt: ours(service.nextAttemptAt) }),
      ...(percent === undefined ? {} : { pullPercent: percent }),
    };
  });
}

export function serviceMessage(service: ServiceStatus): ServiceStatusMessage {
  return {
    service: service.service,
    state: states[service.state],
    cause: service.cause,
    since: service.since,
    containersRunning: service.containersRunning,
    containersWanted: service.containersWanted,
    pullPercent: service.pullPercent ?? NOTHING_PULLED,
    containerIds: [...service.containerIds],
    lastLogLines: [...service.lastLogLines],
    nextAttemptAt: service.nextAttemptAt,
    evidence: [...service.evidence],
  };
}

/** @param detail whether the hosts are listed, or the counts only */
export function statusMessage(status: StackStatus, detail: "hosts" | "counts"): StackStatusMessage {
  return {
    state: status.state === undefined ? ServiceStateMessage.SERVICE_STATE_UNSPECIFIED : states[status.state],
    summary: status.summary,
    hostsOk: status.hostsOk,
    hostsFailed: status.hostsFailed,
    hostsNotReached: status.hostsNotReached,
    hostsInProgress: status.hostsInProgress,
    hostsUnknown: status.hostsUnknown,
    hosts: detail === "counts" ? [] : status.hosts.map(hostMessage),
  };
}

function hostMessage(host: HostStackStatus): StackHostStatus {
  return {
    hostId: host.hostId,
    hostName: host.hostName,
    observedRevision: host.observedRevision,
    desiredRevision: host.desiredRevision,
    state: states[host.state],
    cause: host.cause,
    observedAt: host.observedAt,
    services: host.services.map(serviceMessage),
    heldRevision: host.heldRevision,
    drift: [...host.drift],
    ageSeconds: host.ageSeconds ?? NEVER_OBSERVED,
  };
}

function bounded(lines: readonly string[]): string[] {
  return lines.slice(-MAX_LINES).map((line) => line.slice(0, MAX_LINE_CHARACTERS));
}
