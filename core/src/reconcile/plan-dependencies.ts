import type { ComposeDependency } from "../compose/model.ts";
import type { DesiredStack } from "./desired.ts";
import type { ObservedContainer } from "./observed.ts";
import type { PlanDraft } from "./plan-draft.ts";
import { isCompleted, isFailed } from "./run-state.ts";
import { hasHealthcheck, sharedServices } from "./service-shape.ts";
import { stepId } from "./step-ids.ts";
import type { SurveyedService } from "./survey.ts";
import { isRunning, sortedEntries } from "./world-index.ts";

/** What the plan makes of one slot. */
export interface SlotOutcome {
  readonly slot: string;
  /** The container that stays. */
  readonly container?: ObservedContainer;
  /** The step after which it runs; absent when nothing starts it. */
  readonly startStep?: string;
}

export interface ServiceOutcome {
  readonly surveyed: SurveyedService;
  readonly slots: readonly SlotOutcome[];
}

/** Ids of the steps that must be done before a container of the service may start; waits are added to the draft where there is nothing to do. */
export function gateOf(
  draft: PlanDraft,
  stack: DesiredStack,
  surveyed: SurveyedService,
  outcomes: ReadonlyMap<string, ServiceOutcome>,
): string[] {
  const declared = sortedEntries(surveyed.service.depends_on);
  const shared = sharedServices(surveyed.service)
    .filter((name) => surveyed.service.depends_on?.[name] === undefined)
    .map((name): [string, ComposeDependency] => [name, { condition: "service_started", required: true }]);
  return [...declared, ...shared].flatMap(([name, dependency]) => {
    const outcome = outcomes.get(name);
    if (!outcome) return dependency.required ? [waitForAbsent(draft, stack, surveyed, name)] : [];
    return outcome.slots.flatMap((slot) => gateOfSlot(draft, stack, surveyed, name, dependency, outcome, slot));
  });
}

/** The wait until a started container is healthy, or the start itself when it has no healthcheck. */
export function readyStep(draft: PlanDraft, stack: DesiredStack, outcome: ServiceOutcome, slot: SlotOutcome): string[] {
  const { name } = outcome.surveyed;
  if (slot.container?.state === "restarting") return [addWait(draft, stack, name, slot, "started", "it keeps ending")];
  if (!hasHealthcheck(outcome.surveyed.service)) return slot.startStep === undefined ? [] : [slot.startStep];
  if (slot.startStep === undefined && slot.container?.health === "healthy") return [];
  const cause =
    slot.startStep === undefined ? `it is ${slot.container?.health ?? "not running"}` : "it is to be started";
  return [addWait(draft, stack, name, slot, "healthy", cause)];
}

function gateOfSlot(
  draft: PlanDraft,
  stack: DesiredStack,
  dependent: SurveyedService,
  name: string,
  dependency: ComposeDependency,
  outcome: ServiceOutcome,
  slot: SlotOutcome,
): string[] {
  const { service } = outcome.surveyed;
  const { container, startStep } = slot;
  const problem = (message: string): void =>
    draft.problem({ stackId: stack.stackId, service: dependent.name, severity: "error", message });
  switch (dependency.condition) {
    case "service_started":
      if (startStep !== undefined) return [startStep];
      if (container && (isRunning(container) || isCompleted(container, service))) return [];
      return [addWait(draft, stack, name, slot, "started", `${dependent.name} depends on it`)];
    case "service_healthy":
      if (startStep === undefined && container?.health === "healthy" && isRunning(container)) return [];
      if (startStep === undefined && container?.state === "running" && container.health === "none")
        problem(
          `it waits for ${name} to be healthy, but ${name} has no healthcheck: give it one or use service_started`,
        );
      return [addWait(draft, stack, name, slot, "healthy", `${dependent.name} depends on it`)];
    case "service_completed_successfully":
      if (startStep === undefined && container && isCompleted(container, service)) return [];
      if (startStep === undefined && container && isFailed(container, service))
        problem(
          `it waits for ${name} to complete, but ${name} ended with exit code ${container.exitCode ?? "unknown"}`,
        );
      return [addWait(draft, stack, name, slot, "completed", `${dependent.name} depends on it`)];
  }
}

function addWait(
  draft: PlanDraft,
  stack: DesiredStack,
  service: string,
  slot: SlotOutcome,
  until: "started" | "healthy" | "completed",
  cause: string,
): string {
  return draft.add({
    op: "wait",
    id: stepId.wait(slot.slot, until),
    stackId: stack.stackId,
    service,
    slot: slot.slot,
    until,
    cause,
    dependsOn: slot.startStep === undefined ? [] : [slot.startStep],
    lock: `wait ${slot.slot} ${until}`,
  });
}

function waitForAbsent(draft: PlanDraft, stack: DesiredStack, dependent: SurveyedService, name: string): string {
  const message = `it depends on ${name}, which is not in the stack`;
  draft.problem({ stackId: stack.stackId, service: dependent.name, severity: "error", message });
  return addWait(draft, stack, name, { slot: name }, "started", `${dependent.name} depends on it`);
}
