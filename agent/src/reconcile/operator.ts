import {
  indexWorld,
  numberOf,
  serviceOf,
  type DesiredStack,
  type DesiredWorld,
  type Hold,
  type ObservedContainer,
  type ObservedWorld,
} from "@windflow/core";

/** A container of ours and where it belongs. */
export interface Place {
  readonly hold: Hold;
  readonly lock: string;
  readonly container: ObservedContainer;
  readonly stack: DesiredStack;
}

/** The place that a container has in a desired stack, as a hold names it; undefined for anything that is not ours. */
export function holdOf(
  world: ObservedWorld | undefined,
  desired: DesiredWorld | undefined,
  containerId: string,
): Place | undefined {
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
    return { hold, lock: `container ${container.name}`, container, stack };
  }
  return undefined;
}

function isSame(container: ObservedContainer, containerId: string): boolean {
  return container.id === containerId || container.name === containerId;
}
