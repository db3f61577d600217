import { networkConfigHash } from "../compose/config-hash.ts";
import type { ComposeNetwork } from "../compose/model.ts";
import type { DesiredStack, DesiredWorld } from "./desired.ts";
import { COMPOSE_LABEL, WINDFLOW_LABEL, ownerOf } from "./labels.ts";
import type { ObservedNetwork } from "./observed.ts";
import type { PlanDraft } from "./plan-draft.ts";
import { stackLabels, type PlannedResource, type PlannedResources } from "./planned-resource.ts";
import { planVolume } from "./plan-volume.ts";
import { replicasOf } from "./service-shape.ts";
import { stepId } from "./step-ids.ts";
import { compareText, ownContainers, sortedEntries, type WorldIndex } from "./world-index.ts";

/** Networks and volumes that the services of a stack use: created when missing, networks made anew when changed, volumes never removed. */
export function planResources(
  draft: PlanDraft,
  index: WorldIndex,
  desired: DesiredWorld,
  stack: DesiredStack,
): PlannedResources {
  const networks = new Map<string, PlannedResource>();
  for (const key of usedNetworks(stack))
    networks.set(key, planNetwork(draft, index, desired, stack, key, stack.model.networks?.[key] ?? {}));
  const volumes = new Map<string, PlannedResource>();
  for (const key of usedVolumes(stack))
    volumes.set(key, planVolume(draft, index, desired, stack, key, stack.model.volumes?.[key] ?? {}));
  removeUnusedNetworks(draft, index, stack, networks);
  return { networks, volumes };
}

function planNetwork(
  draft: PlanDraft,
  index: WorldIndex,
  desired: DesiredWorld,
  stack: DesiredStack,
  key: string,
  network: ComposeNetwork,
): PlannedResource {
  const name = network.name ?? `${stack.project}_${key}`;
  const found = chooseNetwork(index.networksByName.get(name) ?? [], stack);
  if (network.external === true) {
    return found
      ? { name, networkId: found.id }
      : { name, error: `the external network ${name} does not exist on this host: create it there first` };
  }
  const hash = networkConfigHash(network);
  const create = (cause: string, dependsOn: string[]): string =>
    draft.add({
      op: "create-network",
      id: stepId.createNetwork(name),
      stackId: stack.stackId,
      key,
      name,
      labels: {
        ...network.labels,
        ...stackLabels(desired, stack),
        [COMPOSE_LABEL.network]: key,
        [COMPOSE_LABEL.configHash]: hash,
      },
      cause,
      dependsOn,
      lock: `network ${name}`,
    });
  if (!found) return { name, createStep: create("missing", []) };
  const foreign = whyForeign(found, stack, key);
  if (foreign !== undefined) return { name, error: foreign };
  const foundHash = found.labels[COMPOSE_LABEL.configHash];
  if (foundHash === undefined || foundHash === hash) return { name, networkId: found.id };
  if (ownerOf(found.labels)?.stackId !== stack.stackId) {
    draft.problem({
      stackId: stack.stackId,
      severity: "warning",
      message: `network ${name} has other settings and was not made by WindFlow: it is used as it is`,
    });
    return { name, networkId: found.id };
  }
  const stranger = attachedStranger(index, found, stack);
  if (stranger !== undefined) {
    return {
      name,
      error: `network ${name} has to be made anew, but ${stranger}, not of this stack, is attached: detach it`,
    };
  }
  const remove = removeNetwork(draft, index, stack, found, "its settings changed");
  return { name, createStep: create("its settings changed", [remove]), replaced: true };
}

function removeUnusedNetworks(
  draft: PlanDraft,
  index: WorldIndex,
  stack: DesiredStack,
  used: ReadonlyMap<string, PlannedResource>,
): void {
  const names = new Set([...used.values()].map((resource) => resource.name));
  for (const network of index.networksByStack.get(stack.stackId) ?? []) {
    if (names.has(network.name) || attachedStranger(index, network, stack) !== undefined) continue;
    removeNetwork(draft, index, stack, network, "no service uses it any more");
  }
}

/** Removes a network of ours after every container of the stack that is attached to it. */
export function removeNetwork(
  draft: PlanDraft,
  index: WorldIndex,
  stack: Pick<DesiredStack, "stackId">,
  network: ObservedNetwork,
  cause: string,
): string {
  const attached = ownContainers(index, stack).filter((container) =>
    container.networks.some((endpoint) => endpoint.name === network.name || endpoint.networkId === network.id),
  );
  return draft.add({
    op: "remove-network",
    id: stepId.removeNetwork(network.name, network.id),
    stackId: stack.stackId,
    networkId: network.id,
    name: network.name,
    cause,
    dependsOn: attached.map(stepId.remove),
    lock: `network ${network.name}`,
  });
}

/** Name of a container of others that is attached to the network. */
export function attachedStranger(
  index: WorldIndex,
  network: ObservedNetwork,
  stack: Pick<DesiredStack, "stackId">,
): string | undefined {
  const own = new Set(ownContainers(index, stack).map((container) => container.id));
  return index.world.containers
    .filter((container) => !own.has(container.id) && container.networks.some((at) => at.networkId === network.id))
    .map((container) => container.name)
    .toSorted(compareText)[0];
}

// Docker allows several networks of one name; ours is the one to use, whatever the others are.
function chooseNetwork(found: readonly ObservedNetwork[], stack: DesiredStack): ObservedNetwork | undefined {
  return found.find((network) => ownerOf(network.labels)?.stackId === stack.stackId) ?? found[0];
}

function whyForeign(network: ObservedNetwork, stack: DesiredStack, key: string): string | undefined {
  const owner = ownerOf(network.labels);
  if (owner && owner.stackId !== stack.stackId) {
    const of = network.labels[WINDFLOW_LABEL.stackName] ?? owner.stackId;
    return `network ${network.name} belongs to the stack ${of}: declare it external to share it`;
  }
  if (owner) return undefined;
  const project = network.labels[COMPOSE_LABEL.project];
  if (project === stack.project && network.labels[COMPOSE_LABEL.network] === key) return undefined;
  return `a network named ${network.name} exists that this stack did not make: declare it external or rename yours`;
}

function usedNetworks(stack: DesiredStack): string[] {
  const keys = activeServices(stack).flatMap((service) => Object.keys(service.networks ?? {}));
  return [...new Set(keys)].toSorted(compareText);
}

function usedVolumes(stack: DesiredStack): string[] {
  const mounts = activeServices(stack).flatMap((service) => service.volumes ?? []);
  const keys = mounts.flatMap((mount) => (mount.type === "volume" && mount.source !== undefined ? [mount.source] : []));
  return [...new Set(keys)].toSorted(compareText);
}

function activeServices(stack: DesiredStack): DesiredStack["model"]["services"][string][] {
  return sortedEntries(stack.model.services)
    .map(([, service]) => service)
    .filter((service) => replicasOf(service) > 0);
}
