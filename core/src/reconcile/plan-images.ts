import type { DesiredStack } from "./desired.ts";
import type { PlanDraft } from "./plan-draft.ts";
import { resolveImage, type ImageStanding } from "./resolve-image.ts";
import { replicasOf } from "./service-shape.ts";
import { stepId } from "./step-ids.ts";
import { sortedEntries, type WorldIndex } from "./world-index.ts";

/** What the containers of one service are to be made from. */
export interface PlannedImage {
  readonly standing: ImageStanding;
  /** The pull that has to end first. */
  readonly pullStep?: string;
}

/** A pull for each image that a service still needs and the engine lacks. `needed` says whether the service has a container to create. */
export function planImages(
  draft: PlanDraft,
  index: WorldIndex,
  stack: DesiredStack,
  needed: (serviceName: string, standing: ImageStanding) => boolean,
): ReadonlyMap<string, PlannedImage> {
  const planned = new Map<string, PlannedImage>();
  for (const [serviceName, service] of sortedEntries(stack.model.services)) {
    const standing = resolveImage(index, stack, service);
    const pull = standing.kind === "absent" && replicasOf(service) > 0 && needed(serviceName, standing);
    if (!pull) {
      planned.set(serviceName, { standing });
      continue;
    }
    const reference = service.image ?? "";
    const pullStep = draft.add({
      op: "pull-image",
      id: stepId.pull(stack.stackName, reference),
      stackId: stack.stackId,
      reference,
      pullFrom: standing.pullFrom,
      ...(service.platform === undefined ? {} : { platform: service.platform }),
      cause: standing.why,
      dependsOn: [],
      lock: `image ${standing.pullFrom}`,
    });
    planned.set(serviceName, { standing, pullStep });
  }
  return planned;
}
