import type { DesiredStack } from "./desired.ts";
import type { ServiceOutcome } from "./plan-dependencies.ts";
import { hooksOf } from "./hooks.ts";
import { emitPostStart, emitPreStop } from "./plan-hooks.ts";
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
      const { service } = outcome.surveyed;
      const hooks = hooksOf("post_start", container, service);
      const frame = { stackId: stack.stackId, service: name, slot, lock: `container ${slot}` };
      const restart = draft.add({
        ...frame,
        op: "restart-container",
        id: stepId.restart(slot),
        containerId: container.id,
        cause: `${newer[0]} was made anew`,
        hooks: hooks.length,
        dependsOn: emitPreStop(draft, frame, container, service, []),
      });
      emitPostStart(draft, { ...frame, containerId: container.id }, hooks, 0, [restart]);
    }
  }
}
