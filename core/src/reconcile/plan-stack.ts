import type { DesiredStack, DesiredWorld, Hold } from "./desired.ts";
import type { ServiceOutcome } from "./plan-dependencies.ts";
import type { PlanDraft } from "./plan-draft.ts";
import { planImages } from "./plan-images.ts";
import { planOrphans } from "./plan-removal.ts";
import { planPorts } from "./plan-ports.ts";
import { planResources } from "./plan-resources.ts";
import { type PlannedResources } from "./planned-resource.ts";
import { planRestarts } from "./plan-restarts.ts";
import { planService, type StackPlanning } from "./plan-service.ts";
import { makingKey, type Replacement } from "./replacement.ts";
import { surveyStack, type Survey } from "./survey.ts";
import { stepId } from "./step-ids.ts";
import { unsupportedUses } from "./unsupported.ts";
import { groupBy, isRunning, ownContainers, type WorldIndex } from "./world-index.ts";

/** Steps that bring one stack to its revision. */
export function planStack(
  draft: PlanDraft,
  index: WorldIndex,
  desired: DesiredWorld,
  stack: DesiredStack,
  known: {
    readonly holds: readonly Hold[];
    readonly replacements: readonly Replacement[];
    readonly made: Readonly<Record<string, number>>;
  },
): void {
  if (refusesStrangers(draft, index, stack)) return;
  const { holds, replacements, made } = known;
  const resources = planResources(draft, index, desired, stack);
  const survey = surveyJudged(index, stack, resources, replacements);
  const records = survey.services.flatMap(({ slots }) => slots.flatMap((slot) => slot.replacement ?? []));
  const allProven = records.every(({ verdict }) => verdict.kind === "proven");
  for (const { record, previous, verdict } of records) {
    // A place that was added is of interest only as long as the others may go back.
    if (previous !== undefined || !allProven) draft.replacement(record);
    if (verdict.kind === "open" && verdict.recheckAt !== undefined) draft.recheck(verdict.recheckAt);
  }
  const wentBack = records.some(({ record }) => record.failure !== undefined);
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
      (slot) => !wentBack && !isHeld(service, slot.number) && (standing.ids.length === 0 || !slot.keeper),
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
    wentBack,
    allProven,
    madeLately: (slot) => made[makingKey(stack, slot)] ?? 0,
  };
  const outcomes = new Map<string, ServiceOutcome>();
  for (const surveyed of survey.services) outcomes.set(surveyed.name, planService(planning, surveyed, outcomes));
  noteAdditions(draft, stack, survey);
  planRestarts(draft, stack, outcomes);
  planPorts(draft, survey);
}

// What a revision adds beside what it replaces has to go when that fails.
function noteAdditions(draft: PlanDraft, stack: DesiredStack, survey: Survey): void {
  if (!draft.replaces(stack.stackId)) return;
  for (const { slots } of survey.services)
    for (const slot of slots)
      if (
        !slot.replacement &&
        !slot.outdated.some(({ container }) => isRunning(container)) &&
        draft.has(stepId.create(slot.name))
      )
        draft.replacement({
          stackId: stack.stackId,
          revision: stack.revision,
          attempt: stack.attempt ?? "",
          slot: slot.name,
        });
}

/** A stack goes back as a whole: what one service of it became is of no use with what another one was. */
function surveyJudged(
  index: WorldIndex,
  stack: DesiredStack,
  resources: PlannedResources,
  replacements: readonly Replacement[],
): Survey {
  const survey = surveyStack(index, stack, resources, withPrevious(index, replacements));
  const judged = survey.services.flatMap(({ name, slots }) =>
    slots.flatMap((slot) => (slot.replacement ? [{ service: name, ...slot.replacement }] : [])),
  );
  const first = judged.find(({ verdict }) => verdict.kind === "failed");
  if (first === undefined || judged.every(({ record }) => record.failure !== undefined)) return survey;
  const failed = judged.map(({ record, verdict }): Replacement => {
    if (record.failure !== undefined) return record;
    if (verdict.kind === "failed") return { ...record, failure: verdict.why };
    const why = first.verdict.kind === "failed" ? first.verdict.why : "";
    return { ...record, failure: `${first.service} failed: ${why}`, takenBackWith: first.service };
  });
  return surveyStack(index, stack, resources, failed);
}

// Once nothing is left to go back to, additions are services like any other.
function withPrevious(index: WorldIndex, replacements: readonly Replacement[]): readonly Replacement[] {
  const there = new Set(index.world.containers.map(({ id }) => id));
  return replacements.some(({ previousId }) => previousId !== undefined && there.has(previousId)) ? replacements : [];
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
