import {
  COMPOSE_LABEL,
  type ImagePin,
  type ObservedContainer,
  type ServiceStatus,
  type StackStatus,
  WINDFLOW_LABEL,
  isImageId,
  ownerOf,
  serviceOf,
} from "@windflow/core";
import type {
  Generation,
  ObservedContainer as WireContainer,
  ObservedService as WireService,
  ObservedStack as WireStack,
  ObservedState,
} from "@windflow/proto/agent";
import type { ObservationReport } from "../reconcile/options.ts";
import { toldStep } from "../reconcile/told-step.ts";
import type { Redaction } from "./redaction.ts";
import type { WellSince } from "./well-since.ts";

/** Labels and commands come from strangers too; the state of a host has to fit into one frame. */
const MAX_LABEL_CHARACTERS = 512;
const MAX_COMMAND_CHARACTERS = 256;
const MAX_LABELS = 64;
const MAX_DRIFT_STEPS = 50;
const MAX_CAUSE_CHARACTERS = 500;

export interface ObservedContext {
  readonly generation: Generation | undefined;
  readonly pins: readonly ImagePin[];
  /** Services that a stack must have, and how many containers of each. */
  readonly wanted: (stackId: string, service: string) => number;
  /** The image as the stack's author wrote it: ours are created by image id, which says nothing to a person. */
  readonly imageOf: (stackId: string, service: string) => string | undefined;
  /** The stack that an adoption gave the container to. */
  readonly adoptedInto: (containerId: string) => string | undefined;
  /** The revision that this host must run of the stack; undefined when none is wanted. */
  readonly revisionOf: (stackId: string) => number | undefined;
  /** What is told of a stack beside what the loop sees. */
  readonly ownOf: (stackId: string) => OwnOfStack;
  /** The last lines of a service that does not keep running, without secrets. */
  readonly lastLines: (stackId: string, service: ServiceStatus) => readonly string[];
  readonly redact: Redaction;
  readonly wellSince: WellSince;
}

export interface OwnOfStack {
  readonly attempt: string;
  /** The order to correct that is acted on. */
  readonly corrected: string;
  /** 0 when nobody holds it. */
  readonly heldRevision: number;
  readonly keptRevisions: readonly number[];
  readonly probes: readonly ProbeState[];
}

/** How one probe of a gate stands. */
export interface ProbeState {
  /** `http :8080/healthz`. */
  readonly name: string;
  readonly service: string;
  readonly passed: boolean;
  readonly cause: string;
  /** Milliseconds since the epoch; 0 before the first time. */
  readonly at: number;
  /** In a row. */
  readonly successes: number;
}

export const NOTHING_OWN: OwnOfStack = {
  attempt: "",
  corrected: "",
  heldRevision: 0,
  keptRevisions: [],
  probes: [],
};

/** The report as it goes over the wire, without time and digest: equal worlds give equal messages. */
export function observedState(report: ObservationReport, context: ObservedContext): ObservedState {
  const containers = report.world?.containers ?? [];
  return {
    at: undefined,
    digest: "",
    generation: context.generation,
    containers: containers
      .map((container) => wireContainer(container, context))
      .toSorted((a, b) => (a.id < b.id ? -1 : 1)),
    stacks: report.stacks.map((stack) => wireStack(stack, report, context, containers)),
    engineProblem: report.engineError ?? "",
  };
}

function wireContainer(container: ObservedContainer, context: ObservedContext): WireContainer {
  const owner = owning(container, context);
  const { detail } = container;
  return {
    id: container.id,
    name: container.name,
    image: writtenImage(container, context),
    imageId: container.imageId,
    state: container.state,
    health: container.health,
    exitCode: container.exitCode ?? 0,
    restartCount: detail?.restartCount ?? 0,
    labels: boundedLabels(container.labels, owner === undefined),
    createdAt: new Date(container.createdAt),
    startedAt: date(detail?.startedAt),
    finishedAt: date(detail?.finishedAt),
    ports: container.ports.map((port) => ({
      hostIp: port.hostIp ?? "",
      hostPort: port.hostPort ?? 0,
      containerPort: port.containerPort,
      protocol: port.protocol,
    })),
    mounts: container.mounts.map((mount) => ({
      type: mount.type,
      source: mount.name ?? mount.source ?? "",
      target: mount.destination,
      readOnly: !mount.readWrite,
    })),
    networks: container.networks.map((network) => network.name),
    command: shownCommand(container, context).slice(0, MAX_COMMAND_CHARACTERS),
    stackId: owner?.stackId ?? "",
    revision: owner?.revision ?? 0,
    service: serviceOf(container),
    tty: false,
  };
}

// Redacted before it is cut: half a secret would not be found. The secrets of another revision may be gone from this
// host, and what cannot be searched for them is not told.
function shownCommand(container: ObservedContainer, context: ObservedContext): string {
  const owner = owning(container, context);
  if (owner === undefined) return container.command;
  const { revisionOf, redact } = context;
  return owner.revision === revisionOf(owner.stackId) ? redact(owner.stackId, container.command) : "";
}

/** Whose it is: by our labels, else by an adoption, which is of what the host has to run now. */
function owning(
  container: ObservedContainer,
  context: ObservedContext,
): { readonly stackId: string; readonly revision: number } | undefined {
  const owner = ownerOf(container.labels);
  if (owner !== undefined)
    return { stackId: owner.stackId, revision: wholeNumber(container.labels[WINDFLOW_LABEL.revision]) };
  const stackId = context.adoptedInto(container.id);
  return stackId === undefined ? undefined : { stackId, revision: context.revisionOf(stackId) ?? 0 };
}

function writtenImage(container: ObservedContainer, context: ObservedContext): string {
  const owner = owning(container, context);
  const written =
    owner && isImageId(container.image) ? context.imageOf(owner.stackId, serviceOf(container)) : undefined;
  return written ?? container.image;
}

function wireStack(
  stack: StackStatus,
  report: ObservationReport,
  context: ObservedContext,
  containers: readonly ObservedContainer[],
): WireStack {
  const settlement = report.settlements.find((candidate) => candidate.stackId === stack.stackId);
  const running = new Set(containers.filter((c) => c.state === "running").map((c) => c.id));
  const own = context.ownOf(stack.stackId);
  const pins = context.pins.filter((pin) => pin.stackId === stack.stackId && pin.revision === stack.revision);
  return {
    stackId: stack.stackId,
    revision: stack.revision,
    converged: settlement?.converged ?? false,
    services: stack.services.map((service) => wireService(service, stack.stackId, running, context)),
    problem: context.redact(stack.stackId, problemOf(settlement)),
    pinnedImages: Object.fromEntries(pins.map((pin) => [pin.reference, pin.image.ids[0] ?? ""])),
    failedAttempt: settlement?.failedAttempt ?? "",
    drift: (settlement?.drift ?? [])
      .slice(0, MAX_DRIFT_STEPS)
      .map((step) => toldStep({ ...step, cause: context.redact(stack.stackId, step.cause) })),
    driftSince: date(settlement?.driftSince),
    probes: own.probes.map((probe) => ({
      ...probe,
      cause: context.redact(stack.stackId, probe.cause).slice(0, MAX_CAUSE_CHARACTERS),
      at: probe.at === 0 ? undefined : new Date(probe.at),
    })),
    attempt: own.attempt,
    heldRevision: own.heldRevision,
    corrected: own.corrected,
    keptRevisions: [...own.keptRevisions],
    restarts: settlement?.restarts ?? 0,
    healthySince: date(context.wellSince.of(stack.stackId, stack.services)),
  };
}

function wireService(
  service: ServiceStatus,
  stackId: string,
  running: ReadonlySet<string>,
  context: ObservedContext,
): WireService {
  return {
    service: service.service,
    state: service.state,
    cause: context.redact(stackId, service.cause),
    since: date(service.since),
    containersRunning: service.containerIds.filter((id) => running.has(id)).length,
    containersWanted: context.wanted(stackId, service.service),
    containerIds: [...service.containerIds],
    lastLogLines: [...context.lastLines(stackId, service)],
    nextAttemptAt: date(service.nextAttemptAt),
    evidence: service.evidence.map(withoutAge),
  };
}

function problemOf(settlement: ObservationReport["settlements"][number] | undefined): string {
  if (settlement === undefined) return "";
  const steps = settlement.failing.map((failing) => `${failing.stepId}: ${failing.reason}`);
  const errors = settlement.problems
    .filter((problem) => problem.severity === "error")
    .map((problem) => problem.message);
  return [...errors, ...steps].join("\n");
}

function boundedLabels(labels: Readonly<Record<string, string>>, foreign: boolean): Record<string, string> {
  // Of ours it says nothing that the body does not; whoever adopts a project wants to know where its files are.
  const kept = Object.entries(labels).filter(([name]) => foreign || name !== COMPOSE_LABEL.configFiles);
  return Object.fromEntries(
    kept
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .slice(0, MAX_LABELS)
      .map(([name, value]) => [name.slice(0, MAX_LABEL_CHARACTERS), value.slice(0, MAX_LABEL_CHARACTERS)]),
  );
}

function wholeNumber(text: string | undefined): number {
  const value = Number(text);
  return Number.isSafeInteger(value) && value >= 0 ? value : 0;
}

function date(ms: number | undefined): Date | undefined {
  return ms === undefined ? undefined : new Date(ms);
}

/** As Docker and Podman word ages: "Up 28 seconds (healthy)", "Up About an hour", "Exited (1) 5 minutes ago". */
const AGE = / (?:Less than a second|About an? \w+|\d+ (?:second|minute|hour|day|week|month|year)s?)(?: ago)?(?= \(|$)/;

/** Ages grow by themselves: told, they would make every look at the engine a change that is sent. When it began is told beside it. */
export function withoutAge(evidence: string): string {
  return evidence.replace(AGE, "");
}
