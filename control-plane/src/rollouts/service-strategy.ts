import type { CreateRolloutRequest, RolloutStrategy as RolloutStrategyMessage } from "@windflow/proto/api";
import { commonErrors, ProblemError } from "../platform/index.ts";
import { strategyViolations, type Stack } from "../stacks/index.ts";
import { plainStrategy, type RolloutStrategy } from "./strategy.ts";
import { gateOf, strategyOf } from "./strategy-wire.ts";

/** The strategy that a request says, checked; undefined when it leaves that to the stack. */
export function askedStrategy(
  request: Pick<CreateRolloutRequest, "strategy" | "maxParallel" | "failureBudget" | "healthGate">,
): RolloutStrategy | undefined {
  const { strategy, maxParallel, failureBudget, healthGate } = request;
  const isPlain = maxParallel !== 0 || failureBudget !== 0 || healthGate !== undefined;
  if (strategy === undefined) {
    if (!isPlain) return undefined;
    const plain = { waves: [], maxParallel, failureBudget, healthGate, onFailure: 1 } satisfies RolloutStrategyMessage;
    refuse(strategyViolations(plain, "").map(({ path, ...rest }) => ({ ...rest, path: path.replace(/^\./, "") })));
    return { ...plainStrategy, maxParallel, failureBudget, gate: gateOf(healthGate) };
  }
  const beside = "is not set beside strategy, which says it";
  refuse([
    ...(maxParallel === 0 ? [] : [{ path: "max_parallel", message: beside }]),
    ...(failureBudget === 0 ? [] : [{ path: "failure_budget", message: beside }]),
    ...(healthGate === undefined ? [] : [{ path: "health_gate", message: beside }]),
    ...strategyViolations(strategy, "strategy"),
  ]);
  return strategyOf(strategy);
}

/** The strategy that a rollout of the stack uses: the asked one, else the stack's own, else all hosts at once. */
export function chooseStrategy(stack: Pick<Stack, "policy">, asked: RolloutStrategy | undefined): RolloutStrategy {
  if (asked !== undefined) return asked;
  return stack.policy.rollout === undefined ? plainStrategy : strategyOf(stack.policy.rollout);
}

function refuse(violations: { path: string; message: string }[]): void {
  if (violations.length > 0) throw new ProblemError({ code: commonErrors.WF_INVALID_ARGUMENT, violations });
}
