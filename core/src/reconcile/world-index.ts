import type { DesiredStack, DesiredWorld } from "./desired.ts";
import { familiarReference } from "./image-reference.ts";
import { COMPOSE_LABEL, ownerOf } from "./labels.ts";
import type { ObservedContainer, ObservedImage, ObservedNetwork, ObservedVolume, ObservedWorld } from "./observed.ts";

/** The observed world, keyed the ways the planner asks for it. Built once a plan. */
export interface WorldIndex {
  readonly world: ObservedWorld;
  readonly containersByName: ReadonlyMap<string, ObservedContainer>;
  /** Ours only, by stack, sorted by name. */
  readonly containersByStack: ReadonlyMap<string, readonly ObservedContainer[]>;
  readonly strangersByProject: ReadonlyMap<string, readonly ObservedContainer[]>;
  readonly networksByStack: ReadonlyMap<string, readonly ObservedNetwork[]>;
  readonly networksByName: ReadonlyMap<string, readonly ObservedNetwork[]>;
  readonly volumesByName: ReadonlyMap<string, ObservedVolume>;
  readonly imagesById: ReadonlyMap<string, ObservedImage>;
  readonly imagesByReference: ReadonlyMap<string, ObservedImage>;
}

export function indexWorld(world: ObservedWorld, desired: DesiredWorld): WorldIndex {
  const adoptions = [
    ...(desired.departed ?? []),
    ...desired.stacks.map(({ stackId, adopted }) => ({ stackId, containerIds: adopted ?? [] })),
  ];
  const adopted = new Map(
    adoptions.flatMap(({ stackId, containerIds }) => containerIds.map((id) => [id, stackId] as const)),
  );
  const containers = world.containers.toSorted((a, b) => compareText(a.name, b.name) || compareText(a.id, b.id));
  const stackOf = (container: ObservedContainer): string | undefined =>
    ownStackId(container.labels, desired.organizationId) ?? adopted.get(container.id);
  return {
    world,
    containersByName: new Map(containers.map((container) => [container.name, container])),
    containersByStack: groupBy(containers, stackOf),
    strangersByProject: groupBy(containers, (container) =>
      stackOf(container) === undefined ? container.labels[COMPOSE_LABEL.project] : undefined,
    ),
    networksByStack: groupBy(sortedNetworks(world), (network) => ownStackId(network.labels, desired.organizationId)),
    networksByName: groupBy(sortedNetworks(world), (network) => network.name),
    volumesByName: new Map(world.volumes.map((volume) => [volume.name, volume])),
    imagesById: new Map(world.images.map((image) => [image.id, image])),
    imagesByReference: imagesByReference(world.images),
  };
}

/** Containers of the stack, by our labels or by its adoption record. */
export function ownContainers(index: WorldIndex, stack: Pick<DesiredStack, "stackId">): readonly ObservedContainer[] {
  return index.containersByStack.get(stack.stackId) ?? [];
}

export function isRunning(container: ObservedContainer): boolean {
  return container.state === "running" || container.state === "paused" || container.state === "restarting";
}

export function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Entries of a record in one order, whatever order they were written in. */
export function sortedEntries<T>(record: Readonly<Record<string, T>> | undefined): [string, T][] {
  return Object.entries(record ?? {}).toSorted(([a], [b]) => compareText(a, b));
}

function ownStackId(labels: Readonly<Record<string, string>>, organizationId: string): string | undefined {
  const owner = ownerOf(labels);
  return owner?.organizationId === organizationId ? owner.stackId : undefined;
}

function sortedNetworks(world: ObservedWorld): ObservedNetwork[] {
  return world.networks.toSorted((a, b) => compareText(a.name, b.name) || compareText(a.id, b.id));
}

function imagesByReference(images: readonly ObservedImage[]): Map<string, ObservedImage> {
  const byReference = new Map<string, ObservedImage>();
  for (const image of images.toSorted((a, b) => compareText(a.id, b.id)))
    for (const reference of [...image.tags, ...image.digests]) byReference.set(familiarReference(reference), image);
  return byReference;
}

/** Values by key, in their order; those without a key are left out. */
export function groupBy<T>(values: readonly T[], keyOf: (value: T) => string | undefined): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const value of values) {
    const key = keyOf(value);
    if (key === undefined) continue;
    const group = groups.get(key);
    if (group) group.push(value);
    else groups.set(key, [value]);
  }
  return groups;
}
