import type { DesiredWorld } from "@windflow/core";

/** The stack that an adoption gave the container to, also while that is being taken off this host. */
export function adoptedInto(desired: DesiredWorld | undefined, containerId: string): string | undefined {
  const wanted = desired?.stacks.find((stack) => stack.adopted?.includes(containerId) === true);
  return (wanted ?? desired?.departed?.find(({ containerIds }) => containerIds.includes(containerId)))?.stackId;
}
