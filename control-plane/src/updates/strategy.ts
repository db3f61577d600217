import type { RolloutStrategy as RolloutStrategyMessage } from "@windflow/proto/api";
import { RolloutStrategy_OnFailure } from "@windflow/proto/api";
import { commonErrors, ProblemError } from "../platform/index.ts";
import { plainStrategy, strategyOf, type RolloutStrategy } from "../rollouts/index.ts";
import { strategyViolations } from "../stacks/index.ts";

// How long the new agent's session must last: an agent that dies does so at once.
const STABLE_SECONDS = 10;
// The share of the hosts that follows the first.
const SECOND_WAVE_PERCENT = 10;

const gate = { ...plainStrategy.gate, stableMs: STABLE_SECONDS * 1000 };
const wave = { pauseMs: 0, needsApproval: false, maxParallel: 0 };

/** One host, then a tenth, then all; the first that fails stops it. */
export const defaultStrategy: RolloutStrategy = {
  ...plainStrategy,
  waves: [
    { ...wave, name: "one host", size: { kind: "hosts", count: 1 } },
    { ...wave, name: "a tenth", size: { kind: "percent", percent: SECOND_WAVE_PERCENT } },
  ],
  gate,
};

/** The strategy of a request, checked. What says something about workloads is refused: an agent has other proofs. */
export function askedStrategy(message: RolloutStrategyMessage | undefined): RolloutStrategy {
  if (message === undefined) return defaultStrategy;
  const { healthGate } = message;
  const refused = [
    { set: (healthGate?.probes.length ?? 0) > 0, path: "strategy.health_gate.probes" },
    { set: (healthGate?.metricConditions.length ?? 0) > 0, path: "strategy.health_gate.metric_conditions" },
  ].flatMap(({ set, path }) => (set ? [{ path, message: "is about stacks; an agent is proven by its session" }] : []));
  const goesBack = message.onFailure === RolloutStrategy_OnFailure.ON_FAILURE_ROLL_BACK;
  const violations = [
    ...strategyViolations(message, "strategy"),
    ...refused,
    ...(goesBack
      ? [
          {
            path: "strategy.on_failure",
            message: "is stop: an agent that fails goes back by itself, one that is well stays",
          },
        ]
      : []),
  ];
  if (violations.length > 0) throw new ProblemError({ code: commonErrors.WF_INVALID_ARGUMENT, violations });
  const strategy = strategyOf(message);
  const stableMs = healthGate === undefined || healthGate.stableSeconds === 0 ? gate.stableMs : strategy.gate.stableMs;
  return { ...strategy, gate: { ...strategy.gate, stableMs } };
}
