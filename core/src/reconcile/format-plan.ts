import type { Plan, Step } from "./steps.ts";

/** One line a step with its cause and what it waits for, then one line a problem; `nothing to do` for an empty plan. */
export function formatPlan(plan: Plan): string {
  const numbers = new Map(plan.steps.map((step, i) => [step.id, i + 1]));
  const steps = plan.steps.map((step, i) => `${i + 1}. ${describeStep(step)}: ${step.cause}${after(step, numbers)}`);
  const downtime = plan.downtime
    .filter((entry) => entry.expected)
    .map((entry) => `interruption of ${entry.service} for up to ${roundSeconds(entry.seconds)} s: ${entry.reason}`);
  const problems = plan.problems.map(
    (problem) =>
      `${problem.severity}: ${problem.service === undefined ? "" : `${problem.service}: `}${problem.message}`,
  );
  const lines = [...(steps.length === 0 ? ["nothing to do"] : steps), ...new Set(downtime), ...problems];
  return lines.join("\n");
}

export function describeStep(step: Step): string {
  switch (step.op) {
    case "pull-image":
      return `pull-image ${step.reference}`;
    case "load-image":
      return `load-image ${step.reference}`;
    case "create-container":
      return step.name === step.slot
        ? `create-container ${step.slot}`
        : `create-container ${step.slot} as ${step.name}`;
    case "rename-container":
      return `rename-container ${step.name} to ${step.to}`;
    case "wait":
      return `wait until ${step.slot} is ${step.until}`;
    case "connect-network":
      return `connect-network ${step.slot} to ${step.name}`;
    case "set-restart-policy":
      return `${step.id} to ${step.policy.name}`;
    case "run-hook":
    case "create-network":
    case "remove-network":
    case "create-volume":
    case "remove-volume":
    case "start-container":
    case "stop-container":
    case "restart-container":
    case "remove-container":
      return step.id;
  }
}

function after(step: Step, numbers: ReadonlyMap<string, number>): string {
  const before = step.dependsOn
    .map((id) => numbers.get(id))
    .filter((number) => number !== undefined)
    .toSorted((a, b) => a - b);
  return before.length === 0 ? "" : ` (after ${before.join(", ")})`;
}

function roundSeconds(seconds: number): number {
  return seconds < 10 ? Math.round(seconds * 10) / 10 : Math.round(seconds);
}
