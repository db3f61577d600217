import type { DesiredStack, Hold } from "../reconcile/desired.ts";
import { numberOf, serviceOf } from "../reconcile/labels.ts";
import type { ObservedContainer } from "../reconcile/observed.ts";
import { replacementText, type Replacement } from "../reconcile/replacement.ts";
import { replicasOf } from "../reconcile/service-shape.ts";
import { compareText, isRunning } from "../reconcile/world-index.ts";
import { readContainer, type ContainerReading } from "./container-state.ts";
import { gravity, worstState, type ServiceStatus, type StackStatus } from "./states.ts";

/** What the reconciler is at, as far as a status tells of it. Texts are sentences for a person. */
export interface Activity {
  /** Services whose image is being pulled, with how far it is. */
  readonly pulling: ReadonlyMap<string, string>;
  /** Services with a step that keeps failing, or a problem, with the reason. */
  readonly failing: ReadonlyMap<string, string>;
  /** Services that wait for another, with what for. */
  readonly waiting: ReadonlyMap<string, string>;
}

export interface StatusInput {
  readonly stack: DesiredStack;
  /** The stack's own containers; undefined while the engine cannot be asked. */
  readonly containers: readonly ObservedContainer[] | undefined;
  /** Why the engine cannot be asked. */
  readonly engineError?: string;
  readonly holds: readonly Hold[];
  /** Containers that took the place of others, or failed to. */
  readonly replacements?: readonly Replacement[];
  readonly activity: Activity;
  readonly now: number;
}

/** Status of a stack and of each of its services, services by name. */
export function stackStatus(input: StatusInput): StackStatus {
  const services = Object.keys(input.stack.model.services)
    .toSorted(compareText)
    .map((service) => serviceStatus(input, service));
  const { state, cause } = rollUp(services);
  return { stackId: input.stack.stackId, revision: input.stack.revision, state, cause, services };
}

export function serviceStatus(input: StatusInput, service: string): ServiceStatus {
  const { stack, containers } = input;
  const base = { stackId: stack.stackId, service };
  const spec = stack.model.services[service];
  if (containers === undefined || spec === undefined) {
    const cause = input.engineError ?? "the engine was not asked yet";
    return { ...base, state: "unknown", cause, evidence: [], containerIds: [] };
  }
  const own = containers.filter((container) => serviceOf(container) === service);
  const readings = Array.from({ length: replicasOf(spec) }, (_, i) => readSlot(input, service, i + 1, own));
  const evidence = own.map((container) => `${container.name}: ${container.statusText || container.state}`);
  const containerIds = own.map((container) => container.id);
  const gravest = readings.toSorted((a, b) => gravity(a.state) - gravity(b.state))[0];
  if (!gravest) return { ...base, state: "stopped", cause: "it is scaled to 0", evidence, containerIds };
  const alike = readings.filter((reading) => reading.state === gravest.state).length;
  const cause = readings.length > 1 ? `${gravest.cause} (${alike} of ${readings.length})` : gravest.cause;
  return {
    ...base,
    state: gravest.state,
    cause,
    ...(gravest.since === undefined ? {} : { since: gravest.since }),
    ...nextAttempt(readings),
    evidence,
    containerIds,
  };
}

function nextAttempt(readings: readonly ContainerReading[]): Pick<ServiceStatus, "nextAttemptAt"> {
  const times = readings.flatMap(({ nextAt }) => nextAt ?? []);
  return times.length === 0 ? {} : { nextAttemptAt: Math.min(...times) };
}

/** The gravest of several; all of them have to be well for the whole to be well. */
export function rollUp(services: readonly ServiceStatus[]): Pick<StackStatus, "state" | "cause"> {
  const state = worstState(services.map((service) => service.state));
  const [first, ...more] = services.filter((service) => service.state === state);
  if (state === undefined || first === undefined) return { state: "completed", cause: "it has no services" };
  const alike = more.length + 1;
  if (alike === services.length) return { state, cause: alike === 1 ? first.cause : `all ${alike} services` };
  // A stack with a service that was stopped on purpose, or that is done, runs as it should.
  if (state === "running") return { state, cause: `${alike} of ${services.length} services run` };
  return { state, cause: `${first.service}: ${first.cause}` };
}

function readSlot(
  input: StatusInput,
  service: string,
  number: number,
  own: readonly ObservedContainer[],
): ContainerReading {
  const spec = input.stack.model.services[service];
  const inSlot = own.filter((container) => numberOf(container) === number);
  const record = replacementIn(input, inSlot);
  // While one takes the place of another, the one that runs is what people reach.
  const container = inOrder(inSlot, record).find(isRunning) ?? inOrder(inSlot, record)[0];
  const held = input.holds.some(
    (hold) =>
      hold.stackId === input.stack.stackId &&
      hold.revision === input.stack.revision &&
      hold.service === service &&
      hold.number === number,
  );
  if (held && !(container && isRunning(container))) return { state: "stopped", cause: "an operator stopped it" };
  const reading = container && spec ? readContainer(container, spec, input.now) : undefined;
  // A hook that keeps failing has failed the start, although the container runs.
  const hooked = container?.hooksDue !== undefined && input.activity.failing.has(service);
  if (reading && record?.failure !== undefined)
    return { ...reading, cause: replacementText(record, reading.state !== "pending") };
  if (reading && reading.state !== "pending" && !hooked) return reading;
  return notRunning(input.activity, service) ?? reading ?? { state: "pending", cause: "not created yet" };
}

function replacementIn(input: StatusInput, inSlot: readonly ObservedContainer[]): Replacement | undefined {
  return input.replacements?.find(
    (known) => known.stackId === input.stack.stackId && inSlot.some((container) => container.id === known.previousId),
  );
}

// The previous one counts last, and alone once what took its place has failed.
function inOrder(inSlot: readonly ObservedContainer[], record: Replacement | undefined): readonly ObservedContainer[] {
  const previous = inSlot.filter((container) => container.id === record?.previousId);
  const others = inSlot.filter((container) => container.id !== record?.previousId);
  return record?.failure === undefined ? [...others, ...previous] : previous;
}

function notRunning(activity: Activity, service: string): ContainerReading | undefined {
  const failing = activity.failing.get(service);
  if (failing !== undefined) return { state: "failed", cause: failing };
  const pulling = activity.pulling.get(service);
  if (pulling !== undefined) return { state: "pulling", cause: pulling };
  const waiting = activity.waiting.get(service);
  return waiting === undefined ? undefined : { state: "pending", cause: waiting };
}
