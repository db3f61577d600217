import { serviceConfigHash } from "../compose/config-hash.ts";
import { hookLabels } from "./hooks.ts";
import { imageReferenceOf } from "./image-reference.ts";
import type { DesiredStack } from "./desired.ts";
import { COMPOSE_LABEL, WINDFLOW_LABEL } from "./labels.ts";
import { stackLabels } from "./planned-resource.ts";
import type { ServicePlanning } from "./plan-service.ts";
import { filesDigest, partsText } from "./service-digests.ts";
import { sharedServices } from "./service-shape.ts";
import { stepId } from "./step-ids.ts";
import type { InheritedVolume } from "./steps.ts";
import type { Slot } from "./survey.ts";
import { sortedEntries } from "./world-index.ts";

// Of an agent that was not told another one.
const DEFAULT_STACKS_FOLDER = "/var/lib/windflow/stacks";

/** Adds the creation of a slot's container under `name`, after its image, networks, volumes and `dependsOn`. */
export function emitCreate(
  planning: ServicePlanning,
  slot: Slot,
  name: string,
  cause: string,
  dependsOn: readonly string[],
  inherited: readonly InheritedVolume[],
): string {
  const { surveyed, image } = planning;
  const shared = sharedServices(surveyed.service).flatMap((service) => {
    const other = planning.outcomes.get(service)?.slots[0];
    if (!other) return [];
    const containerId = other.container?.id;
    return [
      {
        service,
        container: other.slot,
        startStep: other.startStep,
        ...(containerId === undefined ? {} : { containerId }),
      },
    ];
  });
  return planning.draft.add({
    ...planning.base(slot, cause, [
      ...(image.imageStep === undefined ? [] : [image.imageStep]),
      ...planning.resourceSteps,
      ...shared.flatMap(({ startStep }) => (startStep === undefined ? [] : [startStep])),
      ...dependsOn,
    ]),
    op: "create-container",
    id: stepId.create(slot.name),
    service: surveyed.name,
    number: slot.number,
    name,
    imageReference: imageReferenceOf(planning.stack.project, surveyed.name, surveyed.service),
    ...(image.standing.kind === "present" ? { imageId: image.standing.imageId } : {}),
    labels: containerLabels(planning, slot),
    inherited,
    shares: shared.map(({ startStep: _startStep, ...container }) => container),
  });
}

function containerLabels(planning: ServicePlanning, slot: Slot): Record<string, string> {
  const { surveyed, stack, desired, image } = planning;
  // With a shared container the hash holds an id that may not exist yet; the executor adds it.
  const hash = serviceConfigHash(surveyed.service);
  const files = filesDigest(stack, surveyed.service);
  return {
    ...surveyed.service.labels,
    ...stackLabels(desired, stack),
    [COMPOSE_LABEL.service]: surveyed.name,
    [COMPOSE_LABEL.number]: String(slot.number),
    [COMPOSE_LABEL.oneOff]: "False",
    [COMPOSE_LABEL.dependsOn]: dependsOnLabel(surveyed.service.depends_on),
    ...sourceLabels(stack),
    ...(image.standing.kind === "present" ? { [COMPOSE_LABEL.image]: image.standing.imageId } : {}),
    ...(hash === undefined ? {} : { [COMPOSE_LABEL.configHash]: hash }),
    [WINDFLOW_LABEL.parts]: partsText(surveyed.service),
    [WINDFLOW_LABEL.files]: files,
    ...hookLabels(surveyed.service),
  };
}

/** What `docker compose ls` shows, and where `docker compose up` of the same files works. */
function sourceLabels(stack: DesiredStack): Record<string, string> {
  const folder = stack.workingDirectory ?? `${DEFAULT_STACKS_FOLDER}/${stack.project}`;
  const files = stack.configFiles ?? [];
  return {
    [COMPOSE_LABEL.workingDirectory]: folder,
    [COMPOSE_LABEL.configFiles]: files.length > 0 ? files.join(",") : `${folder}/compose.yaml`,
  };
}

function dependsOnLabel(
  dependsOn: Parameters<typeof sortedEntries<{ condition: string; restart?: boolean }>>[0],
): string {
  return sortedEntries(dependsOn)
    .map(([name, dependency]) => `${name}:${dependency.condition}:${String(dependency.restart ?? false)}`)
    .join(",");
}
