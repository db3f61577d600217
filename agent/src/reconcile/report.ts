import {
  WINDFLOW_LABEL,
  imageReferenceOf,
  indexWorld,
  ownContainers,
  stackStatus,
  type Activity,
  type DesiredStack,
  type DesiredWorld,
  type Hold,
  type LoadImage,
  type ObservedContainer,
  type ObservedWorld,
  type Plan,
  type PullImage,
  type Step,
} from "@windflow/core";
import type { PullProgress } from "./engine.ts";
import type { FailingStep, ObservationReport, StackSettlement } from "./options.ts";

const PERCENT = 100;

export interface ReportInput {
  readonly world: ObservedWorld | undefined;
  readonly desired: DesiredWorld | undefined;
  readonly plan: Plan;
  readonly holds: readonly Hold[];
  readonly inFlight: readonly Step[];
  readonly pulls: ReadonlyMap<string, PullProgress>;
  readonly failing: (stackId: string) => readonly FailingStep[];
  readonly engineError: string | undefined;
  readonly now: number;
  readonly drift: (stackId: string) => Pick<StackSettlement, "drift" | "driftSince">;
  readonly restarts: (stack: DesiredStack, own: readonly ObservedContainer[]) => number;
}

/** What is told after each look: states with their causes, and how far each stack is. */
export function reportOf(input: ReportInput): ObservationReport {
  const { world, desired, engineError } = input;
  const stacks = desired?.stacks ?? [];
  const leaving = leavingStacks(input);
  const index = world && desired && engineError === undefined ? indexWorld(world, desired) : undefined;
  const settlements = [
    ...stacks.map((stack) => ({
      ...settlementOf(input, stack),
      restarts: index === undefined ? 0 : input.restarts(stack, ownContainers(index, stack)),
    })),
    ...leaving.map((stack) => settlementOf(input, stack)),
  ];
  return {
    world,
    stacks: [
      ...stacks.map((stack) =>
        stackStatus({
          stack,
          containers: index && ownContainers(index, stack),
          ...(engineError === undefined ? {} : { engineError: `the engine cannot be reached: ${engineError}` }),
          holds: input.holds,
          replacements: input.plan.replacements,
          activity: activityOf(input, stack),
          now: input.now,
        }),
      ),
      ...leaving.map((stack) => ({ ...stack, state: "pending" as const, cause: "it is being removed", services: [] })),
    ],
    settlements,
    ...(desired && index && settlements.every(({ converged }) => converged)
      ? { appliedGeneration: desired.generation }
      : {}),
    ...(engineError === undefined ? {} : { engineError }),
  };
}

/** Stacks that are no longer desired and of which something is still to be removed. */
function leavingStacks(input: ReportInput): Pick<DesiredStack, "stackId" | "revision">[] {
  const desired = new Set(input.desired?.stacks.map(({ stackId }) => stackId));
  const left = [...input.plan.steps, ...input.inFlight].map(({ stackId }) => stackId);
  return [...new Set(left)]
    .filter((stackId) => !desired.has(stackId))
    .toSorted()
    .map((stackId) => ({ stackId, revision: revisionLeft(input.world, stackId) }));
}

function revisionLeft(world: ObservedWorld | undefined, stackId: string): number {
  const labels = [...(world?.containers ?? []), ...(world?.networks ?? [])].map((thing) => thing.labels);
  const own = labels.filter((entry) => entry[WINDFLOW_LABEL.stack] === stackId);
  return Math.max(0, ...own.map((entry) => Number(entry[WINDFLOW_LABEL.revision]) || 0));
}

function settlementOf(
  input: ReportInput,
  stack: Pick<DesiredStack, "stackId" | "revision" | "attempt">,
): StackSettlement {
  const steps = input.plan.steps.filter((step) => step.stackId === stack.stackId);
  const failing = input.failing(stack.stackId);
  const problems = input.plan.problems.filter((problem) => problem.stackId === stack.stackId);
  const inFlight = input.inFlight.some((step) => step.stackId === stack.stackId);
  const drift = input.drift(stack.stackId);
  return {
    ...drift,
    restarts: 0,
    stackId: stack.stackId,
    revision: stack.revision,
    converged:
      input.engineError === undefined &&
      input.world !== undefined &&
      steps.length === 0 &&
      drift.drift.length === 0 &&
      !inFlight &&
      failing.length === 0 &&
      !problems.some(({ severity }) => severity === "error"),
    waiting: steps.flatMap((step) =>
      step.op === "wait" ? [`${step.slot} is not ${step.until} yet: ${step.cause}`] : [],
    ),
    failing,
    problems,
    ...failedAttemptOf(input.plan, stack, failing),
  };
}

// A registry may refuse once what it takes a second later; one that refuses so often waits for a person.
const REFUSALS_THAT_FAIL = 3;

/** An attempt that was taken back, or that cannot even begin: its pull is refused, and nothing was changed. */
function failedAttemptOf(
  plan: Plan,
  stack: Pick<DesiredStack, "stackId" | "revision" | "attempt">,
  failing: readonly FailingStep[],
): Pick<StackSettlement, "failedAttempt"> {
  const refused = failing.some(
    ({ op, final, attempts }) => op === "pull-image" && final === true && attempts >= REFUSALS_THAT_FAIL,
  );
  if (refused && stack.attempt !== undefined) return { failedAttempt: stack.attempt };
  const failed = plan.replacements.find(
    (known) => known.stackId === stack.stackId && known.revision === stack.revision && known.failure !== undefined,
  );
  return failed === undefined ? {} : { failedAttempt: failed.attempt };
}

function activityOf(input: ReportInput, stack: DesiredStack): Activity {
  const pulling = new Map<string, string>();
  const failing = new Map<string, string>();
  const waiting = new Map<string, string>();
  for (const [name, service] of Object.entries(stack.model.services)) {
    const reference = imageReferenceOf(stack.project, name, service);
    const pull = input.inFlight.find(
      (step): step is PullImage | LoadImage =>
        (step.op === "pull-image" || step.op === "load-image") &&
        step.stackId === stack.stackId &&
        step.reference === reference,
    );
    if (pull) pulling.set(name, pullText(pull, input.pulls.get(pull.id)));
  }
  for (const step of input.plan.steps) {
    if (step.stackId !== stack.stackId || step.service === undefined) continue;
    const wait = input.plan.steps.find((other) => other.op === "wait" && step.dependsOn.includes(other.id));
    if (wait && wait.op === "wait") waiting.set(step.service, `waits for ${wait.slot} to be ${wait.until}`);
  }
  for (const problem of input.plan.problems)
    if (problem.stackId === stack.stackId && problem.severity === "error")
      for (const service of problem.service === undefined ? Object.keys(stack.model.services) : [problem.service])
        failing.set(service, problem.message);
  for (const failure of input.failing(stack.stackId))
    for (const service of servicesOf(stack, input.plan, failure)) failing.set(service, failure.reason);
  return { pulling, failing, waiting };
}

/** A pull, a network or a volume that fails holds up every service whose steps wait for it. */
function servicesOf(stack: DesiredStack, plan: Plan, failure: FailingStep): string[] {
  if (failure.service !== undefined) return [failure.service];
  const dependents = plan.steps.filter((step) => step.dependsOn.includes(failure.stepId));
  const services = dependents.flatMap((step) => (step.op === "create-container" ? [step.service] : []));
  return services.length > 0 ? services : Object.keys(stack.model.services);
}

function pullText(step: PullImage | LoadImage, progress: PullProgress | undefined): string {
  const what = `${step.op === "pull-image" ? "pulling" : "loading"} ${step.reference}`;
  if (!progress || progress.layersTotal === 0) return what;
  const share = progress.bytesTotal > 0 ? Math.floor((progress.bytesDone / progress.bytesTotal) * PERCENT) : 0;
  return `${what}: ${progress.layersDone} of ${progress.layersTotal} layers, ${share} %`;
}
