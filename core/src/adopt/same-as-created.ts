import type { ComposeModel, ComposeService } from "../compose/model.ts";
import { canonicalJson } from "../digest/canonical-json.ts";
import type { CreatedAs } from "./created.ts";
import { effectiveService, type EffectiveService, type EngineNames } from "./effective.ts";

/** Where a service stands, for the comparison with one of its containers. */
export interface ServicePlace {
  readonly project: string;
  readonly serviceName: string;
  readonly containerName: string;
  readonly model: Pick<ComposeModel, "networks" | "volumes">;
  /** Id of the container that stands for another service of the project. */
  readonly containerId: (serviceName: string) => string | undefined;
}

/**
 * Keys in which a container differs from what its service says now, by what it was created with; empty when a container created
 * today would be the same. For containers whose config hash says nothing: docker compose made them from other words, or is of a
 * version with another formula. The image is not compared: it may stand under another name by now.
 */
export function differsFromCreated(service: ComposeService, created: CreatedAs, place: ServicePlace): string[] {
  const { model, project } = place;
  const names: EngineNames = {
    network: (key) => model.networks?.[key]?.name ?? `${project}_${key}`,
    volume: (key) => model.volumes?.[key]?.name ?? `${project}_${key}`,
    containerId: place.containerId,
    ownAliases: [place.serviceName, place.containerName],
  };
  const asTheyAre = { ...names, network: (name: string) => name, volume: (name: string) => name };
  const { networks, volumes, ...wanted } = effectiveService(service, created.image, names);
  const found = effectiveService(created.service, created.image, asTheyAre);
  const changed = Object.keys(wanted).filter((key) => !isSame(wanted[key], found[key]));
  const checks: [string, boolean][] = [
    ["container_name", hasOtherName(service, place)],
    ["networks", isAttachedElsewhere(members(found["networks"]), members(networks))],
    ...storageChecks(service, members(found["volumes"]), members(volumes)),
  ];
  return [...changed, ...checks.flatMap(([key, differs]) => (differs ? [key] : []))].toSorted();
}

/** Whether the container has the name that docker compose, of any version, gives when the service fixes none. */
export function hasUsualName(place: Pick<ServicePlace, "project" | "serviceName" | "containerName">): boolean {
  // The first version wrote "_"; a recreation that was interrupted leaves an id in front.
  const plain = place.containerName.replace(/^[0-9a-f]{12}_/, "");
  const prefixes = ["-", "_"].map((mark) => `${place.project}${mark}${place.serviceName}${mark}`);
  return prefixes.some((prefix) => plain.startsWith(prefix) && /^\d+$/.test(plain.slice(prefix.length)));
}

function hasOtherName(service: ComposeService, place: ServicePlace): boolean {
  if (service.container_name !== undefined) return service.container_name !== place.containerName;
  return !hasUsualName(place);
}

// A network that is missing is attached without a restart, which is no matter of how the container was created.
function isAttachedElsewhere(found: EffectiveService, wanted: EffectiveService): boolean {
  return Object.entries(found).some(([name, use]) => !isSame(use, wanted[name]));
}

function storageChecks(
  service: ComposeService,
  found: EffectiveService,
  wanted: EffectiveService,
): [string, boolean][] {
  const files = fileTargets(service);
  const mounted = Object.fromEntries(Object.entries(found).filter(([target]) => !files.includes(target)));
  return [
    ["volumes", !isSame(mounted, wanted)],
    // A file that was copied in cannot be seen, so that nothing says that it is there.
    ["configs or secrets", files.some((target) => found[target] === undefined)],
  ];
}

function isSame(a: unknown, b: unknown): boolean {
  return canonicalJson(a ?? null) === canonicalJson(b ?? null);
}

function members(value: unknown): EffectiveService {
  return typeof value === "object" && value !== null ? { ...value } : {};
}

/** Paths in the container at which docker compose mounts configs and secrets. */
function fileTargets(service: ComposeService): string[] {
  const secrets = (service.secrets ?? []).map(({ source, target = source }) =>
    target.startsWith("/") ? target : `/run/secrets/${target}`,
  );
  const configs = (service.configs ?? []).map(({ source, target = source }) =>
    target.startsWith("/") ? target : `/${target}`,
  );
  return [...secrets, ...configs];
}
