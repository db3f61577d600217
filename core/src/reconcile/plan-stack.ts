import type { DesiredStack, DesiredWorld, Hold } from "./desired.ts";
import type { ServiceOutcome } from "./plan-dependencies.ts";
import type { PlanDraft } from "./plan-draft.ts";
import { planImages } from "./plan-images.ts";
import { planOrphans } from "./plan-removal.ts";
import { planResources } from "./plan-resources.ts";
import { planRestarts } from "./plan-restarts.ts";
import { planService, type StackPlanning } from "./plan-service.ts";
import { surveyStack } from "./survey.ts";
import { unsupportedUses } from "./unsupported.ts";
import { groupBy, ownContainers, type WorldIndex } from "./world-index.ts";

/** Steps that bring one stack to its revision. */
export function planStack(
  draft: PlanDraft,
  index: WorldIndex,
  desired: DesiredWorld,
  stack: DesiredStack,
  holds: readonly Hold[],
): void {
  if (refusesStrangers(draft, index, stack)) return;
  const resources = planResources(draft, index, desired, stack);
  const survey = surveyStack(index, stack, resources);
  const isHeld = (service: string, number: number): boolean =>
    holds.some(
      (hold) =>
        hold.stackId === stack.stackId &&
        hold.revision === stack.revision &&
        hold.service === service &&
        hold.number === number,
    );
  const slots = new Map(survey.services.map((surveyed) => [surveyed.name, surveyed.slots]));
  const images = planImages(draft, index, stack, (service, standing) =>
    (slots.get(service) ?? []).some(
      (slot) => !isHeld(service, slot.number) && (standing.ids.length === 0 || !slot.keeper),
    ),
  );
  const pulls = draft.stepsOf(stack.stackId, (step) => step.op === "pull-image" || step.op === "load-image");
  const orphansGone = planOrphans(draft, stack, survey.orphans, pulls);
  const planning: StackPlanning = {
    draft,
    index,
    desired,
    stack,
    resources,
    images,
    pulls,
    orphansGone,
    ownIds: new Set(ownContainers(index, stack).map((container) => container.id)),
    unsupported: groupBy(unsupportedUses(stack.model), (use) => use.service),
    isHeld,
  };
  const outcomes = new Map<string, ServiceOutcome>();
  for (const surveyed of survey.services) outcomes.set(surveyed.name, planService(planning, surveyed, outcomes));
  planRestarts(draft, stack, outcomes);
}

// The name of a project is unique on a host: to deploy into a project that others made would mix two applications.
function refusesStrangers(draft: PlanDraft, index: WorldIndex, stack: DesiredStack): boolean {
  const strangers = index.strangersByProject.get(stack.project) ?? [];
  const [first] = strangers;
  if (!first) return false;
  if (ownContainers(index, stack).length > 0) {
    const message = `container ${first.name} is in the project ${stack.project} but was not made by WindFlow: it is left alone`;
    draft.problem({ stackId: stack.stackId, severity: "warning", message });
    return false;
  }
  const message = `a compose project named ${stack.project} runs on this host already (container ${first.name}): adopt it, remove it, or rename the stack`;
  draft.problem({ stackId: stack.stackId, severity: "error", message });
  return true;
}
