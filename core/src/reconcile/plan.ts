import type { DesiredWorld, Hold } from "./desired.ts";
import type { ObservedWorld } from "./observed.ts";
import { createDraft, type PlanDraft } from "./plan-draft.ts";
import { planRemovedStack } from "./plan-removal.ts";
import { planStack } from "./plan-stack.ts";
import { replacementsOf, type Replacement } from "./replacement.ts";
import type { Plan } from "./steps.ts";
import { compareText, indexWorld } from "./world-index.ts";

export interface PlanInput {
  readonly observed: ObservedWorld;
  readonly desired: DesiredWorld;
  readonly holds?: readonly Hold[];
  /** What the plan before this one asked to be remembered, with the failures that were seen since. */
  readonly replacements?: readonly Replacement[];
  /** By {@link makingKey}, how many containers were made for a place of late. */
  readonly made?: Readonly<Record<string, number>>;
  /** Stacks that this host refuses to run, by id, with the sentence that says why. */
  readonly refusals?: Readonly<Record<string, string>>;
}

/**
 * The steps that bring a host from what was observed to what is desired. The same input gives the same plan byte for byte.
 * Only what carries our labels, or stands in an adoption record, is ever changed or removed; a volume is never removed.
 */
export function planStacks(input: PlanInput): Plan {
  const { observed, desired } = input;
  const index = indexWorld(observed, desired);
  const draft = createDraft();
  const wanted = new Set(desired.stacks.map((stack) => stack.stackId));
  const ours = [...index.containersByStack.keys(), ...index.networksByStack.keys()];
  for (const stackId of [...new Set(ours)].toSorted(compareText))
    if (!wanted.has(stackId)) planRemovedStack(draft, index, stackId);
  for (const stack of desired.stacks.toSorted((a, b) => compareText(a.stackName, b.stackName))) {
    const replacements = replacementsOf(input.replacements ?? [], stack);
    if (refused(draft, input, stack.stackId, stack.project)) {
      for (const known of replacements) draft.replacement(known);
      continue;
    }
    planOrRefuse(draft, stack.stackId, replacements, () =>
      planStack(draft, index, desired, stack, { holds: input.holds ?? [], replacements, made: input.made ?? {} }),
    );
  }
  return draft.finish();
}

// One model that cannot be read must not keep the other stacks of a host from being looked after.
function planOrRefuse(draft: PlanDraft, stackId: string, replacements: readonly Replacement[], plan: () => void): void {
  try {
    plan();
  } catch (error) {
    draft.forget(stackId);
    for (const known of replacements) draft.replacement(known);
    const reason = error instanceof Error ? error.message : "unknown error";
    draft.problem({ stackId, severity: "error", message: `it could not be planned: ${reason}` });
  }
}

function refused(draft: PlanDraft, input: PlanInput, stackId: string, project: string): boolean {
  const sameProject = input.desired.stacks.find((stack) => stack.project === project && stack.stackId < stackId);
  const message =
    input.refusals?.[stackId] ??
    (sameProject && `the stack ${sameProject.stackName} has the project name ${project} already: rename one of them`);
  if (message === undefined) return false;
  draft.problem({ stackId, severity: "error", message });
  return true;
}
