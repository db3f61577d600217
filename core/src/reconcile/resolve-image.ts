import type { ComposeService } from "../compose/model.ts";
import type { DeliveredImage, DesiredStack } from "./desired.ts";
import { familiarReference, imageReferenceOf, isImageId } from "./image-reference.ts";
import type { WorldIndex } from "./world-index.ts";

/** How an image reference of a stack stands on this engine. */
export type ImageStanding =
  /** The engine has it; containers are created by `imageId`. */
  | { readonly kind: "present"; readonly imageId: string; readonly ids: readonly string[] }
  | { readonly kind: "absent"; readonly pullFrom: string; readonly ids: readonly string[]; readonly why: string }
  /** It was built, and is brought here as files. */
  | { readonly kind: "undelivered"; readonly delivered: DeliveredImage; readonly ids: readonly string[] }
  | { readonly kind: "impossible"; readonly ids: readonly string[]; readonly why: string };

/** Finds the image of a service on the engine, by what its revision resolved it to, else by its tag. */
export function resolveImage(
  index: WorldIndex,
  stack: DesiredStack,
  serviceName: string,
  service: ComposeService,
): ImageStanding {
  const reference = imageReferenceOf(stack.project, serviceName, service);
  const resolved = stack.images[reference];
  if (resolved) {
    const byId = resolved.ids.find((id) => index.imagesById.has(id));
    const byDigest = resolved.pullFrom ? index.imagesByReference.get(familiarReference(resolved.pullFrom)) : undefined;
    const imageId = byId ?? byDigest?.id;
    if (imageId !== undefined) return { kind: "present", imageId, ids: [...resolved.ids, imageId] };
    if (resolved.delivered) return { kind: "undelivered", delivered: resolved.delivered, ids: resolved.ids };
    const pullFrom = resolved.pullFrom ?? (isImageId(reference) ? undefined : reference);
    return absent(reference, pullFrom, service.pull_policy, resolved.ids);
  }
  if (service.image === undefined && reference !== "")
    return { kind: "impossible", ids: [], why: `image ${reference} is not built: build the stack, then deploy it` };
  const local = index.imagesByReference.get(familiarReference(reference)) ?? index.imagesById.get(reference);
  if (local && service.pull_policy !== "always") return { kind: "present", imageId: local.id, ids: [local.id] };
  if (local) return { kind: "absent", pullFrom: reference, ids: [], why: "pull_policy is always" };
  return absent(reference, isImageId(reference) ? undefined : reference, service.pull_policy, []);
}

function absent(
  reference: string,
  pullFrom: string | undefined,
  policy: string | undefined,
  ids: readonly string[],
): ImageStanding {
  if (reference === "") return { kind: "impossible", ids, why: "it names no image" };
  if (policy === "never")
    return { kind: "impossible", ids, why: `image ${reference} is not on the host and pull_policy is never: load it` };
  if (pullFrom === undefined)
    return { kind: "impossible", ids, why: `image ${reference} is not on the host and has no registry: load it` };
  return { kind: "absent", pullFrom, ids, why: "not on the host" };
}
