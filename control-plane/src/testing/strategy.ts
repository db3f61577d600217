import { plainStrategy, type RolloutStrategy } from "../rollouts/index.ts";

/** All hosts at once, and healthy is healthy: nothing waits for time. */
export function promptStrategy(more: Partial<RolloutStrategy> = {}): RolloutStrategy {
  return { ...plainStrategy, gate: { ...plainStrategy.gate, stableMs: 0 }, ...more };
}
