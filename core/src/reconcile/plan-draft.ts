import type { Plan, Problem, ServiceDowntime, Step } from "./steps.ts";

/** A plan while it is being written. Steps keep the order in which they were added, but for those that wait for a later one. */
export interface PlanDraft {
  /** Adds the step unless one with its id is there; gives back its id. */
  add(step: Step): string;
  has(stepId: string): boolean;
  problem(problem: Problem): void;
  downtime(entry: ServiceDowntime): void;
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
  return {
    add(step) {
      if (!steps.has(step.id)) steps.set(step.id, { ...step, dependsOn: [...new Set(step.dependsOn)] });
      return step.id;
    },
    has: (stepId) => steps.has(stepId),
    problem: (problem) => void problems.push(problem),
    downtime: (entry) => void downtime.push(entry),
    stepsOf: (stackId, test) =>
      [...steps.values()].filter((step) => step.stackId === stackId && test(step)).map((step) => step.id),
    forget(stackId) {
      for (const step of steps.values()) if (step.stackId === stackId) steps.delete(step.id);
      problems = problems.filter((problem) => problem.stackId !== stackId);
      downtime = downtime.filter((entry) => entry.stackId !== stackId);
    },
    finish: () => ({ steps: inRunningOrder(steps), problems, downtime }),
  };
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
