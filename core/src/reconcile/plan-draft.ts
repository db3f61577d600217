import type { Replacement } from "./replacement.ts";
import { sortedEntries } from "./world-index.ts";
import type { Plan, Problem, ServiceDowntime, Step, StepOp } from "./steps.ts";

const RESOURCE_OPS: ReadonlySet<StepOp> = new Set([
  "create-network",
  "remove-network",
  "create-volume",
  "remove-volume",
]);

/** A plan while it is being written. Steps keep the order in which they were added, but for those that wait for a later one. */
export interface PlanDraft {
  /** Adds the step unless one with its id is there; gives back its id. */
  add(step: Step): string;
  has(stepId: string): boolean;
  /** Lets a step wait for the stop of a container. A stop that waits for that step itself waits for images and hooks only, then. */
  putAfterStop(stepId: string, stopId: string): void;
  problem(problem: Problem): void;
  downtime(entry: ServiceDowntime): void;
  /** Keeps one of each slot, the last that was told. */
  replacement(entry: Replacement): void;
  /** Whether a container of the stack takes, or took, the place of another. */
  replaces(stackId: string): boolean;
  /** Time alone may change the plan then. */
  recheck(at: number): void;
  /** Ids of the steps of a stack that satisfy the test. */
  stepsOf(stackId: string, test: (step: Step) => boolean): string[];
  /** Takes back what was added for a stack. */
  forget(stackId: string): void;
  finish(): Plan;
}

export function createDraft(): PlanDraft {
  const steps = new Map<string, Step>();
  let problems: Problem[] = [];
  let downtime: ServiceDowntime[] = [];
  const replacements = new Map<string, Replacement>();
  let recheckAt = Number.POSITIVE_INFINITY;
  return {
    add(step) {
      if (!steps.has(step.id)) steps.set(step.id, { ...step, dependsOn: [...new Set(step.dependsOn)] });
      return step.id;
    },
    has: (stepId) => steps.has(stepId),
    putAfterStop(stepId, stopId) {
      const step = steps.get(stepId);
      if (!step || !steps.has(stopId)) return;
      if (waitsFor(steps, stopId, stepId)) {
        const waits = hasten(steps, stopId);
        for (const other of steps.values()) if (other.dependsOn.includes(stopId)) addWaits(steps, other, waits);
      }
      addWaits(steps, step, [stopId]);
    },
    problem: (problem) => void problems.push(problem),
    downtime: (entry) => void downtime.push(entry),
    replacement: (entry) => void replacements.set(`${entry.stackId} ${entry.slot}`, entry),
    replaces: (stackId) =>
      [...replacements.values()].some((entry) => entry.stackId === stackId && entry.previousId !== undefined),
    recheck: (at) => void (recheckAt = Math.min(recheckAt, at)),
    stepsOf: (stackId, test) =>
      [...steps.values()].filter((step) => step.stackId === stackId && test(step)).map((step) => step.id),
    forget(stackId) {
      for (const step of steps.values()) if (step.stackId === stackId) steps.delete(step.id);
      problems = problems.filter((problem) => problem.stackId !== stackId);
      downtime = downtime.filter((entry) => entry.stackId !== stackId);
    },
    finish() {
      dropUnreachable(steps);
      return {
        steps: inRunningOrder(steps),
        problems,
        downtime,
        replacements: sortedEntries(Object.fromEntries(replacements)).map(([, entry]) => entry),
        ...(Number.isFinite(recheckAt) ? { recheckAt } : {}),
      };
    },
  };
}

// A network or volume is only removed, or made anew, when what uses it goes; a container that is kept for a while keeps it for as long.
function dropUnreachable(steps: Map<string, Step>): void {
  for (let before = -1; before !== steps.size;) {
    before = steps.size;
    for (const step of steps.values())
      if (RESOURCE_OPS.has(step.op) && step.dependsOn.some((id) => !steps.has(id))) steps.delete(step.id);
  }
}

function addWaits(steps: Map<string, Step>, step: Step, waits: readonly string[]): void {
  steps.set(step.id, { ...step, dependsOn: [...new Set([...step.dependsOn, ...waits])] });
}

/** Gives back what the stop waited for, and does no more. */
function hasten(steps: Map<string, Step>, stepId: string): string[] {
  const step = steps.get(stepId);
  if (!step) return [];
  const hooks = step.dependsOn.filter((id) => isBeforeStop(steps.get(id)));
  const images = step.dependsOn.filter((id) => isOp(steps.get(id), "pull-image") || isOp(steps.get(id), "load-image"));
  steps.set(stepId, { ...step, dependsOn: [...hooks, ...images] });
  const dropped = step.dependsOn.filter((id) => !hooks.includes(id) && !images.includes(id));
  return [...dropped, ...hooks.flatMap((id) => hasten(steps, id))];
}

function isOp(step: Step | undefined, op: StepOp): boolean {
  return step?.op === op;
}

function isBeforeStop(step: Step | undefined): boolean {
  return step?.op === "run-hook" && step.phase === "pre_stop";
}

function waitsFor(steps: ReadonlyMap<string, Step>, stepId: string, otherId: string): boolean {
  const seen = new Set<string>();
  const open = [stepId];
  for (let id = open.pop(); id !== undefined; id = open.pop()) {
    if (id === otherId) return true;
    if (!seen.has(id)) open.push(...(steps.get(id)?.dependsOn ?? []));
    seen.add(id);
  }
  return false;
}

function inRunningOrder(steps: ReadonlyMap<string, Step>): Step[] {
  const ordered = new Set<Step>();
  const visiting = new Set<string>();
  const visit = (step: Step | undefined): void => {
    if (!step || visiting.has(step.id)) return;
    visiting.add(step.id);
    for (const id of step.dependsOn) visit(steps.get(id));
    ordered.add(step);
  };
  for (const step of steps.values()) visit(step);
  return [...ordered];
}
