import type { ObservedContainer } from "@windflow/proto/agent";
import { inOurTime } from "../platform/index.ts";
import { Container_Health, Container_State, type Container } from "@windflow/proto/api";

const states: Record<string, Container_State | undefined> = {
  created: Container_State.STATE_CREATED,
  running: Container_State.STATE_RUNNING,
  paused: Container_State.STATE_PAUSED,
  restarting: Container_State.STATE_RESTARTING,
  removing: Container_State.STATE_REMOVING,
  exited: Container_State.STATE_EXITED,
  dead: Container_State.STATE_DEAD,
};
const healths: Record<string, Container_Health | undefined> = {
  none: Container_Health.HEALTH_NONE,
  starting: Container_Health.HEALTH_STARTING,
  healthy: Container_Health.HEALTH_HEALTHY,
  unhealthy: Container_Health.HEALTH_UNHEALTHY,
};

const PROJECT_LABEL = "com.docker.compose.project";
const SERVICE_LABEL = "com.docker.compose.service";
const STACK_NAME_LABEL = "dev.windflow.stack-name";

/** A container as its host reported it, with what others know of it. */
export function containerMessage(
  report: ObservedContainer,
  known: {
    readonly hostId: string;
    readonly hostName: string;
    readonly stackName: string;
    readonly observedAt: Date | undefined;
    /** Milliseconds that the host's clock was ahead when it reported. */
    readonly clockSkewMs: number;
    readonly figures: { readonly cpuPercent: number; readonly memoryBytes: number } | undefined;
  },
): Container {
  const { labels } = report;
  const isOurs = report.stackId !== "";
  // In our time, as everything that is shown.
  const ours = (time: Date | undefined): Date | undefined => time && inOurTime(time, known.clockSkewMs);
  return {
    id: report.id,
    hostId: known.hostId,
    hostName: known.hostName,
    name: report.name,
    image: report.image,
    imageId: report.imageId,
    state: states[report.state] ?? Container_State.STATE_UNSPECIFIED,
    health: healths[report.health] ?? Container_Health.HEALTH_UNSPECIFIED,
    exitCode: report.exitCode,
    restartCount: report.restartCount,
    stackId: report.stackId,
    // A label may be anybody's: it names a stack only where the host itself says that the container is ours, and the stack is gone.
    stackName: known.stackName || (isOurs ? (labels[STACK_NAME_LABEL] ?? labels[PROJECT_LABEL] ?? "") : ""),
    service: report.service || (labels[SERVICE_LABEL] ?? ""),
    project: labels[PROJECT_LABEL] ?? "",
    revision: report.revision,
    createdAt: ours(report.createdAt),
    startedAt: ours(report.startedAt),
    finishedAt: ours(report.finishedAt),
    ports: report.ports,
    mounts: report.mounts,
    labels,
    networks: report.networks,
    command: report.command,
    observedAt: ours(known.observedAt),
    cpuPercent: known.figures?.cpuPercent ?? 0,
    memoryBytes: BigInt(Math.round(known.figures?.memoryBytes ?? 0)),
    tty: report.tty,
  };
}
