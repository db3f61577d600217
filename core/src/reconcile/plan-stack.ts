import type { DesiredStack, DesiredWorld, Hold } from "./desired.ts";
import type { ServiceOutcome } from "./plan-dependencies.ts";
import type { PlanDraft } from "./plan-draft.ts";
import { planImages } from "./plan-images.ts";
import { planOrphans } from "./plan-removal.ts";
import { planResources } from "./plan-resources.ts";
import { planRestarts } from "./plan-restarts.ts";
import { planService, type StackPlanning } from "./plan-service.ts";
import { surveyStack, type Survey } from "./survey.ts";
import { ownContainers, type WorldIndex } from "./world-index.ts";

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
  const held = heldServices(stack, holds);
  const images = planImages(
    draft,
    index,
    stack,
    (service, standing) => !held.has(service) && (standing.ids.length === 0 || createsContainer(survey, service)),
  );
  const pulls = draft.stepsOf(stack.stackId, (step) => step.op === "pull-image");
  const orphansGone = planOrphans(draft, stack, survey.orphans, pulls);
  const planning: StackPlanning = { draft, index, desired, stack, resources, images, pulls, orphansGone, held };
  const outcomes = new Map<string, ServiceOutcome>();
  for (const surveyed of survey.services) outcomes.set(surveyed.name, planService(planning, surveyed, outcomes));
  planRestarts(draft, stack, held, outcomes);
}

function heldServices(stack: DesiredStack, holds: readonly Hold[]): Set<string> {
  return new Set(
    holds
      .filter((hold) => hold.stackId === stack.stackId && hold.revision === stack.revision)
      .map((hold) => hold.service),
  );
}

function createsContainer(survey: Survey, serviceName: string): boolean {
  const surveyed = survey.services.find(({ name }) => name === serviceName);
  return surveyed?.slots.some((slot) => !slot.keeper) ?? false;
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
