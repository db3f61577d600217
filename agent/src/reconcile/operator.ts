import {
  indexWorld,
  numberOf,
  serviceOf,
  type DesiredWorld,
  type Hold,
  type ObservedContainer,
  type ObservedWorld,
} from "@windflow/core";

/** The place that a container has in a desired stack, as a hold names it; undefined for anything that is not ours. */
export function holdOf(
  world: ObservedWorld | undefined,
  desired: DesiredWorld | undefined,
  containerId: string,
): { hold: Hold; lock: string; containerId: string } | undefined {
  if (!world || !desired) return undefined;
  const index = indexWorld(world, desired);
  for (const stack of desired.stacks) {
    const container = index.containersByStack.get(stack.stackId)?.find((own) => isSame(own, containerId));
    if (!container) continue;
    const hold = {
      stackId: stack.stackId,
      revision: stack.revision,
      service: serviceOf(container),
      number: numberOf(container),
    };
    return { hold, lock: `container ${container.name}`, containerId: container.id };
  }
  return undefined;
}

function isSame(container: ObservedContainer, containerId: string): boolean {
  return container.id === containerId || container.name === containerId;
}
