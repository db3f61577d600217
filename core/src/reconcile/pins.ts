import type { DesiredStack, DesiredWorld, ResolvedImage } from "./desired.ts";
import { familiarReference, imageReferenceOf } from "./image-reference.ts";
import { WINDFLOW_LABEL, serviceOf } from "./labels.ts";
import type { ObservedContainer, ObservedImage, ObservedWorld } from "./observed.ts";
import { indexWorld, ownContainers, sortedEntries, type WorldIndex } from "./world-index.ts";

/** What this host resolved an image reference to, because the revision came without a resolution. It holds for that revision. */
export interface ImagePin {
  readonly stackId: string;
  readonly revision: number;
  readonly reference: string;
  readonly image: ResolvedImage;
}

/** The desired world with every pin filled in where the revision says nothing. */
export function applyPins(desired: DesiredWorld, pins: readonly ImagePin[]): DesiredWorld {
  if (pins.length === 0) return desired;
  return { ...desired, stacks: desired.stacks.map((stack) => applyStackPins(stack, pins)) };
}

/** Drops pins of revisions that are neither desired nor kept. */
export function prunePins(
  desired: DesiredWorld,
  pins: readonly ImagePin[],
  kept: readonly Pick<ImagePin, "stackId" | "revision">[] = [],
): ImagePin[] {
  const wanted = new Set([...desired.stacks, ...kept].map(({ stackId, revision }) => `${stackId} ${revision}`));
  return pins.filter((pin) => wanted.has(`${pin.stackId} ${pin.revision}`));
}

/**
 * Pins that follow from what is on the host: the image of a container that this very revision created, else the local tag.
 * A reference whose policy is `always` is pinned only by its pull.
 */
export function newPins(observed: ObservedWorld, desired: DesiredWorld): ImagePin[] {
  if (desired.stacks.every((stack) => unresolved(stack).length === 0)) return [];
  const index = indexWorld(observed, desired);
  return desired.stacks.flatMap((stack) => {
    const found = new Map<string, ImagePin>();
    for (const { service, reference, policy, built } of unresolved(stack)) {
      const local = policy === "always" || built ? undefined : tagged(index, reference);
      const imageId = createdImage(index, stack, service, reference) ?? local;
      if (imageId !== undefined && !found.has(reference))
        found.set(reference, pinOf(stack, reference, index.imagesById.get(imageId) ?? { id: imageId, digests: [] }));
    }
    return [...found.values()];
  });
}

/** Pins a reference to an image that the engine has; with the digest under which its repository has it, so that it can be pulled again exactly. */
export function pinOf(
  stack: Pick<DesiredStack, "stackId" | "revision">,
  reference: string,
  found: Pick<ObservedImage, "id" | "digests">,
): ImagePin {
  const repository = familiarReference(reference).replace(/@.*$|:[^:/]*$/, "");
  const pullFrom = found.digests.find((digest) => familiarReference(digest).startsWith(`${repository}@`));
  const image = pullFrom === undefined ? { ids: [found.id] } : { ids: [found.id], pullFrom };
  return { stackId: stack.stackId, revision: stack.revision, reference, image };
}

function applyStackPins(stack: DesiredStack, pins: readonly ImagePin[]): DesiredStack {
  const own = pins.filter((pin) => pin.stackId === stack.stackId && pin.revision === stack.revision);
  if (own.length === 0) return stack;
  const pinned = Object.fromEntries(own.map((pin) => [pin.reference, pin.image]));
  const resolved = Object.entries(stack.images).flatMap(([reference, image]): [string, ResolvedImage][] =>
    image === undefined ? [] : [[reference, withIds(image, pinned[reference])]],
  );
  return { ...stack, images: { ...pinned, ...Object.fromEntries(resolved) } };
}

// An engine may give a loaded image an id of its own making.
function withIds(image: ResolvedImage, pin: ResolvedImage | undefined): ResolvedImage {
  return pin === undefined ? image : { ...image, ids: [...new Set([...image.ids, ...pin.ids])] };
}

interface UnresolvedImage {
  readonly service: string;
  readonly reference: string;
  readonly policy: string | undefined;
  /** It is known only by a name that any project's build may have taken: its tag says nothing. */
  readonly built: boolean;
}

function unresolved(stack: DesiredStack): UnresolvedImage[] {
  return sortedEntries(stack.model.services).flatMap(([name, service]) => {
    const reference = imageReferenceOf(stack.project, name, service);
    if (reference === "" || stack.images[reference] !== undefined) return [];
    return [{ service: name, reference, policy: service.pull_policy, built: service.image === undefined }];
  });
}

function createdImage(
  index: WorldIndex,
  stack: DesiredStack,
  serviceName: string,
  reference: string,
): string | undefined {
  return ownContainers(index, stack).find(
    (container) =>
      serviceOf(container) === serviceName &&
      container.imageId !== "" &&
      (container.labels[WINDFLOW_LABEL.revision] === String(stack.revision) ||
        isAdoptedFrom(stack, container, reference)),
  )?.imageId;
}

// What was adopted runs what it was made from, wherever its tag points by now.
function isAdoptedFrom(stack: DesiredStack, container: ObservedContainer, reference: string): boolean {
  return (
    (stack.adopted ?? []).includes(container.id) && familiarReference(container.image) === familiarReference(reference)
  );
}

function tagged(index: WorldIndex, reference: string): string | undefined {
  return index.imagesByReference.get(familiarReference(reference))?.id ?? index.imagesById.get(reference)?.id;
}
