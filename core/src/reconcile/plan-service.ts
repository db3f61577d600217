import type { DesiredStack, DesiredWorld } from "./desired.ts";
import { gateOf, readyStep, type ServiceOutcome, type SlotOutcome } from "./plan-dependencies.ts";
import type { PlanDraft } from "./plan-draft.ts";
import { emitPreStop } from "./plan-hooks.ts";
import type { PlannedImage } from "./plan-images.ts";
import type { PlannedResource, PlannedResources } from "./planned-resource.ts";
import { awaySeconds } from "./downtime.ts";
import { revisionOf } from "./labels.ts";
import { planRestartPolicy } from "./plan-restart-policy.ts";
import { planSlot } from "./plan-slot.ts";
import { stepId } from "./step-ids.ts";
import type { Slot, SurveyedService } from "./survey.ts";
import type { UnsupportedUse } from "./unsupported.ts";
import { isRunning, type WorldIndex } from "./world-index.ts";

// By hand, or by a neighbour that is made anew, a container may have to be made again; so often within minutes it is not that.
const MOST_MADE = 3;

interface StepFrame {
  readonly stackId: string;
  readonly service: string;
  readonly slot: string;
  readonly cause: string;
  readonly dependsOn: readonly string[];
  readonly lock: string;
}

/** What the planning of one service knows. */
export interface ServicePlanning {
  readonly draft: PlanDraft;
  readonly desired: DesiredWorld;
  readonly stack: DesiredStack;
  readonly surveyed: SurveyedService;
  readonly image: PlannedImage;
  readonly outcomes: ReadonlyMap<string, ServiceOutcome>;
  /** Every pull of the stack: nothing is stopped before all images are there. */
  readonly pulls: readonly string[];
  readonly orphansGone: readonly string[];
  readonly resourceSteps: readonly string[];
  /** What it is on or mounts cannot be kept, so its containers have to go before new ones are made. */
  readonly remakes: "network" | "volume" | undefined;
  /** Steps of its dependencies that must be done before it starts. */
  gate(): readonly string[];
  base(slot: Slot, cause: string, dependsOn: readonly string[]): StepFrame;
  readonly problem: (message: string) => void;
  downtime(slot: Slot, entry: { readonly seconds: number; readonly reason: string }): void;
  /** How long the service is away when its container is stopped before the next one starts. */
  awaySeconds(slot: Slot): number;
  /** Every container that took the place of another does what it was made for. */
  readonly allProven: boolean;
  readonly engineName: string;
}

export interface StackPlanning {
  readonly draft: PlanDraft;
  readonly index: WorldIndex;
  readonly desired: DesiredWorld;
  readonly stack: DesiredStack;
  readonly resources: PlannedResources;
  readonly images: ReadonlyMap<string, PlannedImage>;
  readonly pulls: readonly string[];
  readonly orphansGone: readonly string[];
  /** Every container of the stack that took the place of another does what it was made for. */
  readonly allProven: boolean;
  /** One failed, and the stack went back to what ran before. */
  readonly wentBack: boolean;
  /** How many containers this attempt has made for a place of late. */
  readonly madeLately: (slot: string) => number;
  /** Ids of the stack's own containers. */
  readonly ownIds: ReadonlySet<string>;
  /** By service. */
  readonly unsupported: ReadonlyMap<string, readonly UnsupportedUse[]>;
  isHeld(service: string, number: number): boolean;
}

/** Steps for one service. A service with an error is left as it is. */
export function planService(
  stackPlanning: StackPlanning,
  surveyed: SurveyedService,
  outcomes: ReadonlyMap<string, ServiceOutcome>,
): ServiceOutcome {
  const { draft, stack } = stackPlanning;
  const errors = serviceErrors(stackPlanning, surveyed);
  for (const message of errors)
    draft.problem({ stackId: stack.stackId, service: surveyed.name, severity: "error", message });
  if (errors.length > 0) return { surveyed, slots: surveyed.slots.map(asItIs) };
  const planning = planningOf(stackPlanning, surveyed, outcomes);
  const slots: SlotOutcome[] = [];
  let previousReady: readonly string[] = [];
  for (const slot of surveyed.slots) {
    if (stackPlanning.isHeld(surveyed.name, slot.number)) {
      slots.push(planHeld(stackPlanning, surveyed, slot));
      continue;
    }
    // A place that this attempt did not come to stays as it was.
    if (stackPlanning.wentBack && slot.replacement === undefined && !(slot.keeper && slot.outdated.length === 0)) {
      slots.push(asItIs(slot));
      continue;
    }
    if (isNeverRight(stackPlanning, slot, planning.problem)) {
      slots.push(asItIs(slot));
      continue;
    }
    const outcome = planSlot(planning, slot, previousReady);
    slots.push(outcome);
    planRestartPolicy(planning, slot);
    // Replicas that are replaced go one after the other; a fresh start of all needs no order.
    const replaced = slot.outdated.length > 0 && surveyed.slots.length > 1;
    if (replaced) previousReady = readyStep(draft, stack, { surveyed, slots }, outcome);
  }
  return { surveyed, slots };
}

function planningOf(
  stackPlanning: StackPlanning,
  surveyed: SurveyedService,
  outcomes: ReadonlyMap<string, ServiceOutcome>,
): ServicePlanning {
  const { draft, stack, resources, images } = stackPlanning;
  const used = usedResources(resources, surveyed);
  let gate: readonly string[] | undefined;
  return {
    draft,
    desired: stackPlanning.desired,
    stack,
    surveyed,
    image: images.get(surveyed.name) ?? { standing: { kind: "impossible", ids: [], why: "it names no image" } },
    outcomes,
    pulls: stackPlanning.pulls,
    orphansGone: stackPlanning.orphansGone,
    resourceSteps: used.flatMap(({ createStep }) => (createStep === undefined ? [] : [createStep])),
    remakes: whatIsRemade(resources, surveyed),
    gate: () => (gate ??= gateOf(draft, stack, surveyed, outcomes)),
    base: (slot, cause, dependsOn) => ({
      stackId: stack.stackId,
      service: surveyed.name,
      slot: slot.name,
      cause,
      dependsOn,
      lock: `container ${slot.name}`,
    }),
    problem: (message) => draft.problem({ stackId: stack.stackId, service: surveyed.name, severity: "error", message }),
    allProven: stackPlanning.allProven,
    engineName: stackPlanning.index.world.engine.name,
    downtime: (_slot, { seconds, reason }) =>
      draft.downtime({ stackId: stack.stackId, service: surveyed.name, expected: seconds > 0, seconds, reason }),
    awaySeconds: (slot) => awaySeconds(surveyed, slot),
  };
}

// Also when it leaves that network or volume: it waits for the removal of the container, which must not wait for it.
function whatIsRemade(resources: PlannedResources, surveyed: SurveyedService): ServicePlanning["remakes"] {
  const replacedIn = (planned: PlannedResources["networks"]): ReadonlySet<string> =>
    new Set([...planned.values()].filter((resource) => resource.replaced === true).map(({ name }) => name));
  const networks = replacedIn(resources.networks);
  const volumes = replacedIn(resources.volumes);
  const old = surveyed.slots.flatMap((slot) => slot.outdated.map(({ container }) => container));
  if (old.some((container) => container.mounts.some(({ name }) => name !== undefined && volumes.has(name))))
    return "volume";
  return old.some((container) => container.networks.some(({ name }) => networks.has(name))) ? "network" : undefined;
}

function serviceErrors(stackPlanning: StackPlanning, surveyed: SurveyedService): string[] {
  const { index, ownIds, resources, images } = stackPlanning;
  const taken = surveyed.slots.flatMap((slot) => {
    const holder = index.containersByName.get(slot.name);
    if (!holder || ownIds.has(holder.id) || slot.keeper) return [];
    return [`the name ${slot.name} is taken by a container that is not of this stack: rename or remove that one`];
  });
  const standing = images.get(surveyed.name)?.standing;
  const creates = surveyed.slots.some((slot) => !slot.keeper && !stackPlanning.isHeld(surveyed.name, slot.number));
  const image = creates && standing?.kind === "impossible" ? [standing.why] : [];
  const missing = creates ? usedResources(resources, surveyed).flatMap(({ error }) => error ?? []) : [];
  const unsupported = (stackPlanning.unsupported.get(surveyed.name) ?? []).map(
    ({ key, why }) => `${key} is not supported: ${why}`,
  );
  return [...unsupported, ...taken, ...image, ...missing];
}

// An engine that never shows what it was asked for would have one made after the other, for ever.
function isNeverRight({ stack, madeLately }: StackPlanning, slot: Slot, tell: (message: string) => void): boolean {
  if (slot.keeper || slot.replacement?.record.failure !== undefined || madeLately(slot.name) < MOST_MADE) return false;
  // Its heal rule has a budget of its own.
  if (slot.outdated.some(({ healed }) => healed === true)) return false;
  const own = slot.outdated.find(
    ({ container }) => isRunning(container) && revisionOf(container.labels) === stack.revision,
  );
  if (own) tell(`it differs from what was asked right after it was made, ${MOST_MADE} times: ${own.why}`);
  return own !== undefined;
}

function planHeld(stackPlanning: StackPlanning, surveyed: SurveyedService, slot: Slot): SlotOutcome {
  const { draft, stack } = stackPlanning;
  for (const container of [slot.keeper, ...slot.outdated.map((old) => old.container)]) {
    if (!container || !isRunning(container)) continue;
    const frame = {
      stackId: stack.stackId,
      service: surveyed.name,
      slot: slot.name,
      lock: `container ${slot.name}`,
    };
    draft.add({
      ...frame,
      op: "stop-container",
      id: stepId.stop(container),
      containerId: container.id,
      cause: "an operator stopped it",
      dependsOn: emitPreStop(draft, frame, container, surveyed.service, []),
    });
  }
  // To those that depend on it, it is not there, even while it still winds down.
  return { slot: slot.name };
}

function asItIs(slot: Slot): SlotOutcome {
  const container = slot.keeper ?? slot.outdated.find((old) => isRunning(old.container))?.container;
  return { slot: slot.name, ...(container ? { container } : {}) };
}

function usedResources(resources: PlannedResources, { service }: SurveyedService): PlannedResource[] {
  const networks = Object.keys(service.networks ?? {}).map((key) => resources.networks.get(key));
  const volumes = (service.volumes ?? []).map((mount) =>
    mount.type === "volume" && mount.source !== undefined ? resources.volumes.get(mount.source) : undefined,
  );
  return [...networks, ...volumes].filter((resource) => resource !== undefined);
}
