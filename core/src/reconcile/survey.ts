import { filesDigest } from "./service-digests.ts";
import type { ComposeService } from "../compose/model.ts";
import type { DesiredStack } from "./desired.ts";
import { missingNetworks, whyRecreate, type WantedContainer } from "./difference.ts";
import { healingText } from "./healing.ts";
import { imageReferenceOf } from "./image-reference.ts";
import { COMPOSE_LABEL, containerName, numberOf, serviceOf } from "./labels.ts";
import type { ObservedContainer } from "./observed.ts";
import type { PlannedResource, PlannedResources } from "./planned-resource.ts";
import { judge, type Replacement, type Verdict } from "./replacement.ts";
import { resolveImage } from "./resolve-image.ts";
import { inDependencyOrder, replicasOf, sharedServices } from "./service-shape.ts";
import { compareText, groupBy, isRunning, ownContainers, type WorldIndex } from "./world-index.ts";

/** A container that a newer one takes the place of, and why. */
export interface Outdated {
  readonly container: ObservedContainer;
  readonly why: string;
  /** It is what was asked for, and its heal rule makes it anew. */
  readonly healed?: true;
}

/** One numbered place of a service and the containers that were made for it. */
export interface Slot {
  readonly name: string;
  readonly number: number;
  /** The container that may stay. */
  readonly keeper?: ObservedContainer;
  readonly outdated: readonly Outdated[];
  /** The keeper takes, or took, the place of one of the outdated; or, with a failure, the keeper is the one that runs instead. */
  readonly replacement?: SlotReplacement;
  readonly missingNetworks: readonly [string, PlannedResource][];
}

export interface SlotReplacement {
  readonly record: Replacement;
  /** Absent for a place that the revision adds. */
  readonly previous?: ObservedContainer;
  readonly verdict: Verdict;
}

export interface SurveyedService {
  readonly name: string;
  readonly service: ComposeService;
  readonly slots: readonly Slot[];
}

/** What there is of a stack, sorted into the places where it belongs. */
export interface Survey {
  /** Dependencies first. */
  readonly services: readonly SurveyedService[];
  /** Containers of the stack that belong nowhere any more. */
  readonly orphans: readonly Outdated[];
}

export function surveyStack(
  index: WorldIndex,
  stack: DesiredStack,
  resources: PlannedResources,
  replacements: readonly Replacement[],
): Survey {
  const own = ownContainers(index, stack).filter((container) => container.labels[COMPOSE_LABEL.oneOff] !== "True");
  const ownByService = groupBy(own, serviceOf);
  const surveyed = new Map<string, SurveyedService>();
  for (const name of inDependencyOrder(stack.model.services)) {
    const service = stack.model.services[name];
    if (!service) continue;
    const containerId = (other: string): string | undefined => surveyed.get(other)?.slots[0]?.keeper?.id;
    const wanted: WantedContainer = {
      service,
      place: { project: stack.project, serviceName: name, model: stack.model },
      reference: imageReferenceOf(stack.project, name, service),
      image: resolveImage(index, stack, name, service),
      filesDigest: filesDigest(stack, service),
      resources,
      containerId,
    };
    const replacing = (slot: Slot): Slot => withReplacement(slot, service, replacements, index.world.observedAt);
    const candidates = ownByService.get(name) ?? [];
    // A sharing container goes with the one it shares, whose id it holds.
    const lost = sharedServices(service).find((other) => containerId(other) === undefined);
    surveyed.set(name, { name, service, slots: slotsOf(stack, name, wanted, candidates, lost).map(replacing) });
  }
  const services = [...surveyed.values()];
  return { services, orphans: orphansOf(own, services) };
}

function slotsOf(
  stack: DesiredStack,
  serviceName: string,
  wanted: WantedContainer,
  candidates: readonly ObservedContainer[],
  lost: string | undefined,
): Slot[] {
  return Array.from({ length: replicasOf(wanted.service) }, (_, i) => {
    const number = i + 1;
    const name = containerName(stack.project, serviceName, number, wanted.service.container_name);
    const judged = candidates
      .filter((container) => numberOf(container) === number)
      .map((container) => ({
        container,
        why:
          whyRecreate(container, wanted) ??
          (lost === undefined ? undefined : `it shares the container of ${lost}, which is made anew`),
      }));
    const fit = judged.filter(({ why }) => why === undefined).map(({ container }) => container);
    const [mended] = fit;
    // A place with several has a keeper anyway.
    if (mended !== undefined && judged.length === 1 && isMadeAnew(mended)) {
      const why = mended.healing === undefined ? "" : healingText(mended.healing);
      return { name, number, outdated: [{ container: mended, why, healed: true }], missingNetworks: [] };
    }
    const keeper = fit.toSorted((a, b) => preference(a, name) - preference(b, name) || compareText(a.id, b.id))[0];
    const outdated = judged
      .filter(({ container }) => container !== keeper)
      .map(({ container, why }) => ({ container, why: why ?? "there are two of it" }));
    return {
      name,
      number,
      ...(keeper ? { keeper } : {}),
      outdated,
      missingNetworks: keeper ? missingNetworks(keeper, wanted) : [],
    };
  });
}

function withReplacement(slot: Slot, service: ComposeService, replacements: readonly Replacement[], now: number): Slot {
  const record = replacements.find((known) => known.slot === slot.name);
  if (record !== undefined && record.previousId === undefined) return withAddition(slot, record);
  const previous = previousIn(slot, record);
  if (record === undefined || previous === undefined || previous.state === "removing" || previous.state === "dead")
    return slot;
  if (record.failure === undefined) {
    const verdict: Verdict = slot.keeper ? judge(slot.keeper, service, now) : { kind: "open" };
    return { ...slot, replacement: { record, previous, verdict } };
  }
  const failed =
    slot.keeper && slot.keeper !== previous ? [{ container: slot.keeper, why: `it failed: ${record.failure}` }] : [];
  const others = slot.outdated.filter(({ container }) => container !== previous);
  return {
    ...slot,
    keeper: previous,
    outdated: [...failed, ...others],
    replacement: { record, previous, verdict: { kind: "failed", why: record.failure } },
    missingNetworks: [],
  };
}

// The one that is to run again may be what is wanted as well, once what it shares is back.
function previousIn(slot: Slot, record: Replacement | undefined): ObservedContainer | undefined {
  const old = slot.outdated.map(({ container }) => container);
  const candidates = slot.keeper && record?.failure !== undefined ? [slot.keeper, ...old] : old;
  return candidates.find((container) => container.id === record?.previousId);
}

function withAddition(slot: Slot, record: Replacement): Slot {
  const { keeper, ...rest } = slot;
  if (record.failure === undefined) return { ...slot, replacement: { record, verdict: { kind: "proven" } } };
  const added = keeper ? [{ container: keeper, why: `it was added, and ${record.failure}` }] : [];
  return {
    ...rest,
    outdated: [...added, ...slot.outdated],
    replacement: { record, verdict: { kind: "failed", why: record.failure } },
    missingNetworks: [],
  };
}

function isMadeAnew({ healing }: ObservedContainer): boolean {
  return healing?.state === "acting" && healing.action === "recreate";
}

// The running one first, then the one that has its name already.
function preference(container: ObservedContainer, slotName: string): number {
  return (isRunning(container) ? 0 : 2) + (container.name === slotName ? 0 : 1);
}

function orphansOf(own: readonly ObservedContainer[], services: readonly SurveyedService[]): Outdated[] {
  const placed = new Set(
    services.flatMap(({ slots }) =>
      slots.flatMap((slot) => [slot.keeper?.id, ...slot.outdated.map(({ container }) => container.id)]),
    ),
  );
  const wanted = new Set(services.map(({ name }) => name));
  return own
    .filter((container) => !placed.has(container.id))
    .map((container) => ({
      container,
      why: wanted.has(serviceOf(container))
        ? "more of it than wanted"
        : `service ${serviceOf(container) || "of an unknown name"} is no longer in the stack`,
    }));
}
