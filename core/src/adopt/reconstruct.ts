import type { ComposeDependency, ComposeModel, ComposeService, DependencyCondition } from "../compose/model.ts";
import { COMPOSE_LABEL } from "../reconcile/labels.ts";
import { canonicalJson } from "../digest/canonical-json.ts";
import { createdAs, type CreatedAs } from "./created.ts";
import { networkDefinition, volumeDefinition } from "./definitions.ts";
import type { InspectedContainer, InspectedImage, InspectedNetwork, InspectedVolume } from "./inspected.ts";
import { hasUsualName } from "./same-as-created.ts";
import { withoutDefaults } from "./without-defaults.ts";

/** Something that the engine does not tell any more. */
export interface AdoptionNote {
  /** Dotted path in the model; empty for the whole project. */
  readonly keyPath: string;
  readonly what: string;
  readonly fix: string;
}

/** What an engine has of one compose project. */
export interface InspectedProject {
  readonly project: string;
  /** Those of the project, one-off ones not among them. */
  readonly containers: readonly InspectedContainer[];
  /** Those that its containers were made from, as far as they are still there. */
  readonly images: readonly InspectedImage[];
  /** Those that carry its label or that its containers use. */
  readonly networks: readonly InspectedNetwork[];
  readonly volumes: readonly InspectedVolume[];
}

export interface ReconstructedProject {
  readonly model: ComposeModel;
  readonly containerIds: readonly string[];
  readonly notes: readonly AdoptionNote[];
}

const CONDITIONS: readonly DependencyCondition[] = [
  "service_started",
  "service_healthy",
  "service_completed_successfully",
];

/** The model that the containers of a project come to. Rendered again, it is what they were created with, so that nothing has to be changed. */
export function reconstructProject(found: InspectedProject): ReconstructedProject {
  const { project } = found;
  const images = new Map(found.images.map((image) => [image.Id, image]));
  const services = Map.groupBy(found.containers, (container) => labelOf(container, COMPOSE_LABEL.service));
  const serviceById = new Map(found.containers.map((one) => [one.Id, labelOf(one, COMPOSE_LABEL.service)]));
  const fixed = new Set<string>();
  const created = new Map<string, CreatedAs>();
  for (const container of found.containers) {
    const as = createdAs(container, images.get(container.Image));
    created.set(container.Id, as);
    for (const [name, use] of Object.entries(as.service.networks ?? {}))
      if (use?.ipv4_address !== undefined || use?.ipv6_address !== undefined) fixed.add(name);
  }
  const networks = found.networks.map((network) => networkDefinition(network, project, fixed.has(network.Name)));
  const volumes = found.volumes.map((volume) => volumeDefinition(volume, project));
  const networkKeys = new Map(networks.map(({ key, definition }) => [definition.name, key]));
  const volumeKeys = new Map(volumes.map(({ key, definition }) => [definition.name, key]));
  const notes: AdoptionNote[] = [];
  const entries = [...services].map(([name, containers]): [string, ComposeService] => {
    const ordered = containers.toSorted((a, b) => numberOf(a) - numberOf(b));
    const [first] = ordered;
    const as = first && created.get(first.Id);
    if (first === undefined || as === undefined) throw new Error(`the service ${name} has no container`);
    notes.push(...notesOf(name, ordered, created, images));
    const plain = withoutDefaults(as, ordered.length > 1);
    return [
      name,
      {
        ...withKeys(plain, { networkKeys, volumeKeys, serviceById }),
        ...dependsOn(first),
        ...(ordered.length > 1 ? { scale: ordered.length } : {}),
        ...nameOf(first, name, project, ordered.length),
      },
    ];
  });
  const inUse = usedKeys(entries.map(([, service]) => service));
  const kept = <Kind>(all: readonly { key: string; definition: Kind }[], used: ReadonlySet<string>): [string, Kind][] =>
    all.filter(({ key }) => used.has(key)).map(({ key, definition }) => [key, definition]);
  for (const { key, exact } of networks)
    if (exact === false && inUse.networks.has(key)) notes.push(unlike("networks", key));
  for (const { key, exact } of volumes)
    if (exact === false && inUse.volumes.has(key)) notes.push(unlike("volumes", key));
  const ownNetworks = Object.fromEntries(kept(networks, inUse.networks));
  const ownVolumes = Object.fromEntries(kept(volumes, inUse.volumes));
  return {
    model: {
      name: project,
      services: Object.fromEntries(entries.toSorted(([a], [b]) => (a < b ? -1 : 1))),
      ...(Object.keys(ownNetworks).length > 0 ? { networks: ownNetworks } : {}),
      ...(Object.keys(ownVolumes).length > 0 ? { volumes: ownVolumes } : {}),
    },
    containerIds: found.containers.map(({ Id }) => Id).toSorted(),
    notes: [...notes, FORGOTTEN],
  };
}

const FORGOTTEN: AdoptionNote = {
  keyPath: "",
  what: "the engine does not know how this was written: variables, env files, comments, profiles, builds, hooks, fixed MAC addresses, and configs and secrets that docker compose copied into a container",
  fix: "give the original files to keep them, or write them into the reconstruction before the next change",
};

interface Keys {
  readonly networkKeys: ReadonlyMap<string | undefined, string>;
  readonly volumeKeys: ReadonlyMap<string | undefined, string>;
  readonly serviceById: ReadonlyMap<string, string>;
}

/** Names of the engine become keys of the model, and containers of the project its services. */
function withKeys(service: ComposeService, { networkKeys, volumeKeys, serviceById }: Keys): ComposeService {
  const keyed = { ...service };
  if (service.networks !== undefined) {
    keyed.networks = Object.fromEntries(
      Object.entries(service.networks).map(([name, use]) => [networkKeys.get(name) ?? name, use]),
    );
  }
  if (service.volumes !== undefined) {
    keyed.volumes = service.volumes.map((mount) =>
      mount.type === "volume" && mount.source !== undefined
        ? { ...mount, source: volumeKeys.get(mount.source) ?? mount.source }
        : mount,
    );
  }
  for (const key of ["network_mode", "ipc", "pid"] as const) {
    const other = serviceById.get(/^container:(.*)$/.exec(service[key] ?? "")?.[1] ?? "");
    if (other !== undefined) keyed[key] = `service:${other}`;
  }
  if (service.volumes_from !== undefined) {
    keyed.volumes_from = service.volumes_from.map((entry) => {
      const [, id = "", mode] = entry.split(":");
      const other = serviceById.get(id);
      if (other === undefined) return entry;
      return mode === undefined || mode === "rw" ? other : `${other}:${mode}`;
    });
  }
  return keyed;
}

/** From the label `db:service_healthy:false,…`. */
function dependsOn(container: InspectedContainer): Pick<ComposeService, "depends_on"> {
  const entries = labelOf(container, COMPOSE_LABEL.dependsOn)
    .split(",")
    .filter((entry) => entry !== "")
    .map((entry): [string, ComposeDependency] => {
      const [name = "", word = "", restart = ""] = entry.split(":");
      const condition = CONDITIONS.find((known) => known === word) ?? "service_started";
      return [name, { condition, required: true, ...(restart === "true" ? { restart: true } : {}) }];
    });
  return entries.length === 0 ? {} : { depends_on: Object.fromEntries(entries) };
}

function nameOf(
  container: InspectedContainer,
  serviceName: string,
  project: string,
  count: number,
): Pick<ComposeService, "container_name"> {
  const containerName = container.Name.replace(/^\//, "");
  if (count > 1 || hasUsualName({ project, serviceName, containerName })) return {};
  return { container_name: containerName };
}

function notesOf(
  serviceName: string,
  containers: readonly InspectedContainer[],
  created: ReadonlyMap<string, CreatedAs>,
  images: ReadonlyMap<string, InspectedImage>,
): AdoptionNote[] {
  const [first] = containers;
  const keyPath = `services.${serviceName}`;
  const notes: AdoptionNote[] = [];
  if (containers.some((container) => !images.has(container.Image))) {
    notes.push({
      keyPath: `${keyPath}.image`,
      what: `the image of ${serviceName} is not on the host any more, so that its defaults stand in the reconstruction as if somebody had written them`,
      fix: "pull the image again before the next change, and take out what the image says itself",
    });
  }
  const kinds = new Set(
    containers.map((container) => {
      const { hostname: _own, ports: _ports, ...service } = created.get(container.Id)?.service ?? {};
      return canonicalJson(service);
    }),
  );
  if (kinds.size > 1 && first !== undefined) {
    notes.push({
      keyPath,
      what: `the ${containers.length} containers of ${serviceName} are not alike; the reconstruction says what ${first.Name.replace(/^\//, "")} is`,
      fix: "adopt with the original files, or accept that the others are made anew",
    });
  }
  return notes;
}

function unlike(section: "networks" | "volumes", key: string): AdoptionNote {
  return {
    keyPath: `${section}.${key}`,
    what: `docker compose made it from other words than can be read from the engine`,
    fix: "it is used as it is; give the original files to have its settings written down exactly",
  };
}

function usedKeys(services: readonly ComposeService[]): { networks: Set<string>; volumes: Set<string> } {
  const mounts = services.flatMap((service) => service.volumes ?? []);
  return {
    networks: new Set(services.flatMap((service) => Object.keys(service.networks ?? {}))),
    volumes: new Set(mounts.flatMap(({ type, source }) => (type === "volume" && source !== undefined ? [source] : []))),
  };
}

function labelOf(container: InspectedContainer, label: string): string {
  return container.Config.Labels?.[label] ?? "";
}

function numberOf(container: InspectedContainer): number {
  return Number(labelOf(container, COMPOSE_LABEL.number)) || 0;
}
