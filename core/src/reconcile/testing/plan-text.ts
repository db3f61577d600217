import type { DesiredStack } from "../desired.ts";
import { formatPlan } from "../format-plan.ts";
import type { ObservedContainer } from "../observed.ts";
import { planStacks, type PlanInput } from "../plan.ts";
import { createModelEngine, type ModelEngine } from "./model-engine.ts";
import { desiredWorld, emptyWorld } from "./small-world.ts";

/** An engine on which the stack has been brought to rest. */
export function running(...stacks: DesiredStack[]): ModelEngine {
  const engine = createModelEngine(emptyWorld());
  const desired = desiredWorld(...stacks);
  for (let round = 0; round < 5; round++) engine.run(planStacks({ observed: engine.world(), desired }), desired);
  return engine;
}

/** The plan for these stacks as people read it. */
export function planText(engine: ModelEngine, stacks: DesiredStack[], extra: Partial<PlanInput> = {}): string {
  return formatPlan(planStacks({ observed: engine.world(), desired: desiredWorld(...stacks), ...extra }));
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
