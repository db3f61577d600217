import type { CreatedAs } from "../adopt/created.ts";
import { differsFromCreated, type ServicePlace } from "../adopt/same-as-created.ts";
import { serviceConfigHash } from "../compose/config-hash.ts";
import type { ComposeService } from "../compose/model.ts";
import { COMPOSE_LABEL, WINDFLOW_LABEL } from "./labels.ts";
import type { ObservedContainer } from "./observed.ts";
import type { PlannedResource, PlannedResources } from "./planned-resource.ts";
import type { ImageStanding } from "./resolve-image.ts";
import { changedFiles, changedParts, partsText } from "./service-digests.ts";
import { isRunning, sortedEntries } from "./world-index.ts";

/** What a container of a service has to be, as far as the engine shows it. */
export interface WantedContainer {
  readonly service: ComposeService;
  /** Where it stands in its stack. */
  readonly place: Pick<ServicePlace, "project" | "serviceName" | "model">;
  readonly reference: string;
  readonly image: ImageStanding;
  readonly filesDigest: string;
  readonly resources: PlannedResources;
  /** Id of the container that stands for another service of the stack; undefined while there is none. */
  readonly containerId: (serviceName: string) => string | undefined;
}

/** Why the container cannot stay as it is; undefined when it can. */
export function whyRecreate(container: ObservedContainer, wanted: WantedContainer): string | undefined {
  if (container.state === "removing") return "the engine is removing it";
  if (container.state === "dead") return "the engine could not remove or start it";
  return (
    handChange(container) ??
    configurationChange(container, wanted) ??
    imageChange(container, wanted) ??
    filesChange(container, wanted) ??
    networkChange(container, wanted) ??
    volumeChange(container, wanted)
  );
}

/** Networks of the service that a running container is not attached to, by key. */
export function missingNetworks(container: ObservedContainer, wanted: WantedContainer): [string, PlannedResource][] {
  if (!isRunning(container)) return [];
  return wantedNetworks(wanted).filter(
    ([, network]) =>
      network.networkId !== undefined && !container.networks.some((endpoint) => endpoint.name === network.name),
  );
}

// The engine takes no limit back that was set by hand, so there has to be another container.
function handChange({ altered = [] }: ObservedContainer): string | undefined {
  return altered.length === 0 ? undefined : `changed by hand: ${altered.join(", ")}`;
}

function configurationChange(container: ObservedContainer, wanted: WantedContainer): string | undefined {
  const label = container.labels[COMPOSE_LABEL.configHash];
  const version = container.labels[COMPOSE_LABEL.version];
  const hash = serviceConfigHash(wanted.service, {
    containerId: wanted.containerId,
    ...(version === undefined ? {} : { composeVersion: version }),
  });
  if (hash !== undefined && hash === label) return undefined;
  if (container.created !== undefined) return creationChange(container, container.created, wanted);
  if (hash === undefined) return undefined;
  const parts = container.labels[WINDFLOW_LABEL.parts];
  const changed = parts === undefined ? [] : changedParts(parts, partsText(wanted.service));
  return changed.length === 0 ? "its configuration changed" : `changed: ${changed.join(", ")}`;
}

// An adopted container may have been made from other words that come to the same.
function creationChange(container: ObservedContainer, created: CreatedAs, wanted: WantedContainer): string | undefined {
  const { place, containerId } = wanted;
  const changed = differsFromCreated(wanted.service, created, { ...place, containerName: container.name, containerId });
  return changed.length === 0 ? undefined : `changed: ${changed.join(", ")}`;
}

function imageChange(container: ObservedContainer, wanted: WantedContainer): string | undefined {
  const { ids } = wanted.image;
  if (ids.length === 0 || ids.includes(container.imageId)) return undefined;
  return `another image under ${wanted.reference}`;
}

function filesChange(container: ObservedContainer, wanted: WantedContainer): string | undefined {
  const label = container.labels[WINDFLOW_LABEL.files];
  // A container made by docker compose has no such label; what was mounted there is not known to have changed.
  if (label === undefined || label === wanted.filesDigest) return undefined;
  return `the content of ${changedFiles(label, wanted.filesDigest).join(", ")} changed`;
}

function networkChange(container: ObservedContainer, wanted: WantedContainer): string | undefined {
  for (const [, network] of wantedNetworks(wanted)) {
    const endpoint = container.networks.find((entry) => entry.name === network.name);
    if (network.replaced === true) return `network ${network.name} is made anew`;
    const stale = endpoint !== undefined && endpoint.networkId !== "" && endpoint.networkId !== network.networkId;
    if (stale) return `network ${network.name} is another one now`;
  }
  return undefined;
}

function volumeChange(container: ObservedContainer, wanted: WantedContainer): string | undefined {
  for (const mount of wanted.service.volumes ?? []) {
    if (mount.type !== "volume" || mount.source === undefined) continue;
    const volume = wanted.resources.volumes.get(mount.source);
    if (volume?.replaced === true) return `volume ${volume.name} is made anew`;
    const there = container.mounts.some((at) => at.type === "volume" && at.name === volume?.name);
    if (volume && !there) return `volume ${volume.name} is not mounted`;
  }
  return undefined;
}

function wantedNetworks(wanted: WantedContainer): [string, PlannedResource][] {
  return sortedEntries(wanted.service.networks).flatMap(([key]) => {
    const network = wanted.resources.networks.get(key);
    return network && network.error === undefined ? [[key, network] as [string, PlannedResource]] : [];
  });
}
