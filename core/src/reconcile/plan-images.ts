import type { DesiredStack } from "./desired.ts";
import type { PlanDraft } from "./plan-draft.ts";
import { imageReferenceOf } from "./image-reference.ts";
import { resolveImage, type ImageStanding } from "./resolve-image.ts";
import { replicasOf } from "./service-shape.ts";
import { stepId } from "./step-ids.ts";
import { sortedEntries, type WorldIndex } from "./world-index.ts";

/** What the containers of one service are to be made from. */
export interface PlannedImage {
  readonly standing: ImageStanding;
  /** The pull or load that has to end first. */
  readonly imageStep?: string;
}

/** A pull, or for what was built a load, for each image that a service still needs and the engine lacks. `needed` says whether the service has a container to create. */
export function planImages(
  draft: PlanDraft,
  index: WorldIndex,
  stack: DesiredStack,
  needed: (serviceName: string, standing: ImageStanding) => boolean,
): ReadonlyMap<string, PlannedImage> {
  const planned = new Map<string, PlannedImage>();
  for (const [serviceName, service] of sortedEntries(stack.model.services)) {
    const standing = resolveImage(index, stack, serviceName, service);
    const absent = standing.kind === "absent" || standing.kind === "undelivered";
    if (!absent || replicasOf(service) === 0 || !needed(serviceName, standing)) {
      planned.set(serviceName, { standing });
      continue;
    }
    const reference = imageReferenceOf(stack.project, serviceName, service);
    const base = { stackId: stack.stackId, reference, dependsOn: [] };
    const imageStep =
      standing.kind === "undelivered"
        ? draft.add({
            ...base,
            op: "load-image",
            id: stepId.load(stack.stackName, reference),
            delivered: standing.delivered,
            cause: "not on the host, and built elsewhere",
            lock: `image ${standing.delivered.configDigest}`,
          })
        : draft.add({
            ...base,
            op: "pull-image",
            id: stepId.pull(stack.stackName, reference),
            pullFrom: standing.pullFrom,
            ...(service.platform === undefined ? {} : { platform: service.platform }),
            cause: standing.why,
            lock: `image ${standing.pullFrom}`,
          });
    planned.set(serviceName, { standing, imageStep });
  }
  return planned;
}
