import type { DesiredStack } from "./desired.ts";
import { dependenciesInLabels, numberOf, serviceOf } from "./labels.ts";
import type { ObservedContainer } from "./observed.ts";
import { emitPreStop } from "./plan-hooks.ts";
import type { PlanDraft } from "./plan-draft.ts";
import { attachedStranger, removeNetwork } from "./plan-resources.ts";
import { stepId } from "./step-ids.ts";
import type { Outdated } from "./survey.ts";
import { isRunning, ownContainers, type WorldIndex } from "./world-index.ts";

/** Removes every container of a stack that is no longer desired, dependents first, then its networks. Its volumes stay. */
export function planRemovedStack(draft: PlanDraft, index: WorldIndex, stackId: string): void {
  const cause = "its stack is no longer wanted here";
  const containers = ownContainers(index, { stackId });
  removeContainers(
    draft,
    stackId,
    containers.map((container) => ({ container, why: cause })),
    [],
  );
  for (const network of index.networksByStack.get(stackId) ?? [])
    if (attachedStranger(index, network, { stackId }) === undefined)
      removeNetwork(draft, index, { stackId }, network, cause);
}

/** Removes containers of a stack that belong nowhere any more; gives back the steps after which they are gone. */
export function planOrphans(
  draft: PlanDraft,
  stack: DesiredStack,
  orphans: readonly Outdated[],
  pulls: readonly string[],
): string[] {
  return removeContainers(draft, stack.stackId, orphans, pulls);
}

function removeContainers(
  draft: PlanDraft,
  stackId: string,
  gone: readonly Outdated[],
  dependsOn: readonly string[],
): string[] {
  return stopOrder(gone.map(({ container }) => container)).map((container) => {
    const cause = gone.find((old) => old.container === container)?.why ?? "";
    const step = {
      stackId,
      service: serviceOf(container),
      slot: container.name,
      containerId: container.id,
      cause,
      lock: `container ${container.name}`,
    };
    const dependents = gone
      .map((old) => old.container)
      .filter((other) => dependenciesInLabels(other.labels).includes(serviceOf(container)) && other !== container);
    const before = [
      ...dependsOn,
      ...dependents.map((other) => (isRunning(other) ? stepId.stop(other) : stepId.remove(other))),
    ];
    const stopped = isRunning(container)
      ? [
          draft.add({
            ...step,
            op: "stop-container",
            id: stepId.stop(container),
            dependsOn: emitPreStop(draft, step, container, undefined, before),
          }),
        ]
      : before;
    return draft.add({ ...step, op: "remove-container", id: stepId.remove(container), dependsOn: stopped });
  });
}

/** Highest number of a service first, as docker compose scales down. */
function stopOrder(containers: readonly ObservedContainer[]): ObservedContainer[] {
  return containers.toSorted((a, b) => numberOf(b) - numberOf(a) || (a.name < b.name ? -1 : 1));
}
