import {
  applyPins,
  imageReferenceOf,
  indexWorld,
  replicasOf,
  resolveImage,
  type DesiredStack,
  type DesiredWorld,
  type ImagePin,
  type ObservedWorld,
} from "@windflow/core";

/** Images of a revision that the engine lacks, as written in the model; none: the host can run it with no registry and no control plane. */
export function missingImages(stack: DesiredStack, world: ObservedWorld, pins: readonly ImagePin[]): string[] {
  const desired: DesiredWorld = { organizationId: "", generation: "", stacks: [stack] };
  const [pinned = stack] = applyPins(desired, pins).stacks;
  const index = indexWorld(world, desired);
  const missing = Object.entries(pinned.model.services).flatMap(([name, service]) =>
    replicasOf(service) > 0 && resolveImage(index, pinned, name, service).kind !== "present"
      ? [imageReferenceOf(pinned.project, name, service)]
      : [],
  );
  return [...new Set(missing)].toSorted();
}
