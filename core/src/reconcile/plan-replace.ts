import { readyStep, type SlotOutcome } from "./plan-dependencies.ts";
import type { ServicePlanning } from "./plan-service.ts";
import { revisionOf } from "./labels.ts";
import type { ObservedContainer } from "./observed.ts";
import { replacementText, type Replacement } from "./replacement.ts";
import { isFailed, needOf } from "./run-state.ts";
import { sharedServices, whyStopFirst } from "./service-shape.ts";
import {
  hooked,
  hooksAfterStart,
  inheritedVolumes,
  makeNew,
  remove,
  rename,
  startUnlessDone,
  stop,
  stopAndRemove,
} from "./slot-steps.ts";
import { shortId, stepId } from "./step-ids.ts";
import type { Outdated, Slot, SlotReplacement } from "./survey.ts";
import { isRunning } from "./world-index.ts";

/**
 * A new container takes the place of one that runs, or ran before: the old one is stopped before the new one starts where both cannot
 * run at once, and kept until the new ones of the whole stack have proven themselves.
 */
export function planReplace(
  planning: ServicePlanning,
  slot: Slot,
  previous: ObservedContainer,
  previousReady: readonly string[],
): SlotOutcome {
  const old = slot.outdated.find(({ container }) => container === previous);
  if (!old) throw new Error(`${previous.name} is not in the place of ${slot.name}`);
  planning.draft.replacement(recordOf(planning, slot, previous));
  const inherited = inheritedVolumes(planning, slot)[0]?.destination;
  const reason =
    whyStopFirst(planning.surveyed.service) ?? (inherited === undefined ? undefined : `it writes to ${inherited}`);
  tellDowntime(planning, slot, reason);
  return reason === undefined
    ? planStartFirst(planning, slot, old, previousReady)
    : planStopFirst(planning, slot, old, previousReady);
}

/** The new container failed: it goes, and the one before it, if there was one, is started again. */
export function planBack(planning: ServicePlanning, slot: Slot, { record, previous }: SlotReplacement): SlotOutcome {
  if (previous === undefined) {
    planning.problem(
      `revision ${record.revision} was taken back, and this service is new with it: ${record.failure ?? ""}`,
    );
    for (const old of slot.outdated) stopAndRemove(planning, slot, old, []);
    return { slot: slot.name };
  }
  planning.problem(replacementText(record, isRunning(previous)));
  const gone = slot.outdated.map((old) => stopAndRemove(planning, slot, old, []));
  if (previous.name !== slot.name) rename(planning, slot, previous.name, gone);
  const need = needOf(previous, planning.surveyed.service);
  if (need.act === "none") return hooked(planning, slot, []);
  // In order, but without a wait for health: what ran before is to run again at once.
  const { service } = planning.surveyed;
  const before = [...Object.keys(service.depends_on ?? {}), ...sharedServices(service)].flatMap((name) =>
    (planning.outcomes.get(name)?.slots ?? []).flatMap(({ startStep }) => startStep ?? []),
  );
  const step = planning.draft.add({
    ...planning.base(slot, "what took its place failed", [...gone, ...before]),
    op: "start-container",
    id: stepId.startPrevious(slot.name, previous),
    containerId: previous.id,
    isPrevious: true,
    hooks: hooksAfterStart(planning, slot).length,
  });
  return hooked(planning, slot, [step]);
}

function planStopFirst(
  planning: ServicePlanning,
  slot: Slot,
  old: Outdated,
  previousReady: readonly string[],
): SlotOutcome {
  const made = makeNew(planning, slot);
  const before = [...made.steps, ...planning.pulls, ...planning.gate(), ...previousReady];
  const others = othersOf(slot, old).map((other) => stopAndRemove(planning, slot, other, before));
  const stopped = stopIfRunning(planning, slot, old, before);
  const outcome = startUnlessDone(planning, slot, [...stopped, ...others]);
  const after = outcome.startStep === undefined ? stopped : [outcome.startStep];
  settle(planning, slot, made.name, old, { after, others });
  return outcome;
}

function planStartFirst(
  planning: ServicePlanning,
  slot: Slot,
  old: Outdated,
  previousReady: readonly string[],
): SlotOutcome {
  const made = makeNew(planning, slot);
  const before = [...made.steps, ...planning.pulls, ...planning.gate(), ...previousReady, ...planning.orphansGone];
  const outcome = startUnlessDone(planning, slot, before);
  // It is judged as soon as its details are known; until then the old one is what there is.
  const { container, startStep } = outcome;
  if (startStep === undefined && container && isFailed(container, planning.surveyed.service)) return outcome;
  const ready = readyStep(planning.draft, planning.stack, { surveyed: planning.surveyed, slots: [outcome] }, outcome);
  const before2 = [...ready, ...planning.pulls];
  const others = othersOf(slot, old).map((other) => stopAndRemove(planning, slot, other, before2));
  const stopped = stopIfRunning(planning, slot, old, before2);
  settle(planning, slot, made.name, old, { after: stopped, others });
  return outcome;
}

/** Gives the names their places, and removes the old one once it is not needed any more. */
function settle(
  planning: ServicePlanning,
  slot: Slot,
  newName: string,
  old: Outdated,
  { after, others }: { readonly after: readonly string[]; readonly others: readonly string[] },
): void {
  const isOver = slot.replacement !== undefined && planning.allProven;
  if (isOver) {
    const removed = remove(planning, slot, old, after);
    if (newName !== slot.name) rename(planning, slot, newName, [removed, ...others]);
    return;
  }
  if (newName === slot.name) return;
  const aside = old.container.name === slot.name ? [setAside(planning, slot, old, after)] : after;
  rename(planning, slot, newName, [...aside, ...others]);
}

function setAside(planning: ServicePlanning, slot: Slot, old: Outdated, dependsOn: readonly string[]): string {
  const to = `${slot.name}_${shortId(old.container.id)}`;
  return planning.draft.add({
    ...planning.base(slot, "it is kept until the new one has proven itself", dependsOn),
    op: "rename-container",
    id: stepId.rename(to),
    name: old.container.name,
    to,
    containerId: old.container.id,
  });
}

function recordOf(planning: ServicePlanning, slot: Slot, previous: ObservedContainer): Replacement {
  const { stack } = planning;
  const previousRevision = revisionOf(previous.labels);
  return {
    stackId: stack.stackId,
    revision: stack.revision,
    attempt: stack.attempt ?? "",
    slot: slot.name,
    previousId: previous.id,
    ...(previousRevision === undefined ? {} : { previousRevision }),
  };
}

function tellDowntime(planning: ServicePlanning, slot: Slot, reason: string | undefined): void {
  if (slot.keeper !== undefined && isRunning(slot.keeper))
    planning.downtime(slot, { seconds: 0, reason: "the container that stays runs already" });
  else if (reason === undefined)
    planning.downtime(slot, { seconds: 0, reason: "the new container starts before the old one stops" });
  else planning.downtime(slot, { seconds: planning.awaySeconds(slot), reason });
}

function othersOf(slot: Slot, old: Outdated): Outdated[] {
  return slot.outdated.filter((other) => other !== old);
}

function stopIfRunning(
  planning: ServicePlanning,
  slot: Slot,
  old: Outdated,
  dependsOn: readonly string[],
): readonly string[] {
  return isRunning(old.container) ? [stop(planning, slot, old, dependsOn)] : dependsOn;
}
