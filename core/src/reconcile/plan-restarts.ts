import type { DesiredStack } from "./desired.ts";
import type { ServiceOutcome } from "./plan-dependencies.ts";
import type { PlanDraft } from "./plan-draft.ts";
import { stepId } from "./step-ids.ts";
import { sortedEntries } from "./world-index.ts";

/** Restarts containers whose dependency has `restart: true` and was made anew after they started. */
export function planRestarts(
  draft: PlanDraft,
  stack: DesiredStack,
  outcomes: ReadonlyMap<string, ServiceOutcome>,
): void {
  for (const [name, outcome] of outcomes) {
    const restarting = sortedEntries(outcome.surveyed.service.depends_on).filter(([, use]) => use.restart === true);
    for (const { slot, container, startStep } of outcome.slots) {
      const startedAt = container?.detail?.startedAt;
      if (!container || container.state !== "running" || startStep !== undefined || startedAt === undefined) continue;
      const [newer] = restarting.filter(([dependency]) =>
        (outcomes.get(dependency)?.slots ?? []).some((other) => (other.container?.detail?.createdAt ?? 0) > startedAt),
      );
      if (!newer) continue;
      draft.add({
        op: "restart-container",
        id: stepId.restart(slot),
        stackId: stack.stackId,
        service: name,
        slot,
        containerId: container.id,
        cause: `${newer[0]} was made anew`,
        dependsOn: [],
        lock: `container ${slot}`,
      });
    }
  }
}
