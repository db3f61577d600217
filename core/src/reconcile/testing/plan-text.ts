import type { DesiredStack } from "../desired.ts";
import { formatPlan } from "../format-plan.ts";
import type { ObservedContainer } from "../observed.ts";
import { planStacks, type PlanInput } from "../plan.ts";
import type { Plan } from "../steps.ts";
import { createModelEngine, type ModelEngine } from "./model-engine.ts";
import { desiredWorld, emptyWorld } from "./small-world.ts";

// Longer than it takes a new container to have proven itself.
const PROVING_MS = 10_000;

/** An engine on which the stack has been brought to rest. */
export function running(...stacks: DesiredStack[]): ModelEngine {
  const engine = createModelEngine(emptyWorld());
  const desired = desiredWorld(...stacks);
  for (let round = 0; round < 5; round++) {
    engine.run(planNow(engine, stacks), desired);
    engine.passTime(PROVING_MS);
  }
  return engine;
}

/** The plan for these stacks with what is remembered of the plans before. */
export function planNow(engine: ModelEngine, stacks: readonly DesiredStack[], extra: Partial<PlanInput> = {}): Plan {
  const desired = desiredWorld(...stacks);
  return planStacks({ observed: engine.world(), desired, replacements: engine.replacements(), ...extra });
}

/** The plan for these stacks as people read it. */
export function planText(engine: ModelEngine, stacks: DesiredStack[], extra: Partial<PlanInput> = {}): string {
  return formatPlan(planNow(engine, stacks, extra));
}

/** Changes what the engine shows of one container. */
export function editContainer(engine: ModelEngine, name: string, change: Partial<ObservedContainer>): void {
  engine.change((world) => ({
    ...world,
    containers: world.containers.map((container) =>
      container.name === name ? { ...container, ...change } : container,
    ),
  }));
}
