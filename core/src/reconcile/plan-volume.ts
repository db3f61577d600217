import { volumeConfigHash } from "../compose/config-hash.ts";
import type { ComposeVolume } from "../compose/model.ts";
import type { DesiredStack, DesiredWorld } from "./desired.ts";
import { COMPOSE_LABEL, ownerOf } from "./labels.ts";
import type { ObservedContainer, ObservedVolume } from "./observed.ts";
import type { PlanDraft } from "./plan-draft.ts";
import { stackLabels, type PlannedResource } from "./planned-resource.ts";
import { stepId } from "./step-ids.ts";
import { compareText, ownContainers, type WorldIndex } from "./world-index.ts";

/**
 * A volume that a service uses: created when missing. One whose settings changed is kept as it is, with its data, unless the stack
 * was told by name that it may be made anew.
 */
export function planVolume(
  draft: PlanDraft,
  index: WorldIndex,
  desired: DesiredWorld,
  stack: DesiredStack,
  key: string,
  volume: ComposeVolume,
): PlannedResource {
  const name = volume.name ?? `${stack.project}_${key}`;
  const found = index.volumesByName.get(name);
  if (volume.external === true)
    return found
      ? { name }
      : { name, error: `the external volume ${name} does not exist on this host: create it there first` };
  const hash = volumeConfigHash(volume);
  const create = (cause: string, dependsOn: readonly string[]): string =>
    draft.add({
      op: "create-volume",
      id: stepId.createVolume(name),
      stackId: stack.stackId,
      key,
      name,
      labels: {
        ...volume.labels,
        ...stackLabels(desired, stack),
        [COMPOSE_LABEL.volume]: key,
        [COMPOSE_LABEL.configHash]: hash,
      },
      cause,
      dependsOn,
      lock: `volume ${name}`,
    });
  if (!found) return { name, createStep: create("missing", []) };
  const foundHash = found.labels[COMPOSE_LABEL.configHash];
  if (foundHash === undefined || foundHash === hash) return { name };
  const keep = (why: string): PlannedResource => {
    const message = `volume ${name} was created with other settings: it is kept as it is, with its data${why}`;
    draft.problem({ stackId: stack.stackId, severity: "warning", message });
    return { name };
  };
  if (!(stack.recreateVolumes ?? []).includes(key)) return keep("");
  if (!isOfStack(found, stack)) return keep(", as this stack did not make it");
  const { own, stranger } = usersOf(index, stack, name);
  if (stranger !== undefined) return keep(`, as ${stranger}, not of this stack, uses it`);
  const remove = draft.add({
    op: "remove-volume",
    id: stepId.removeVolume(name),
    stackId: stack.stackId,
    name,
    cause: "its settings changed: it goes with its data, as was allowed",
    dependsOn: own.map(stepId.remove),
    lock: `volume ${name}`,
  });
  return { name, createStep: create("its settings changed", [remove]), replaced: true };
}

function isOfStack(volume: ObservedVolume, stack: DesiredStack): boolean {
  const owner = ownerOf(volume.labels);
  return owner ? owner.stackId === stack.stackId : volume.labels[COMPOSE_LABEL.project] === stack.project;
}

function usersOf(
  index: WorldIndex,
  stack: DesiredStack,
  name: string,
): { own: ObservedContainer[]; stranger: string | undefined } {
  const mounts = (container: ObservedContainer): boolean =>
    container.mounts.some((mount) => mount.type === "volume" && mount.name === name);
  const own = ownContainers(index, stack).filter(mounts);
  const ids = new Set(own.map((container) => container.id));
  const strangers = index.world.containers.filter((container) => !ids.has(container.id) && mounts(container));
  return { own, stranger: strangers.map((container) => container.name).toSorted(compareText)[0] };
}
