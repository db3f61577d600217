import {
  isNull,
  type MapNode,
  map,
  mapItems,
  mapMembers,
  mapOf,
  member,
  type Node,
  scalar,
  seq,
  stringOf,
  withDefault,
  withMember,
} from "./node.ts";
import { posix } from "node:path";

/** Writes out what a model implies: the default network, dependencies through links and namespaces, names on the engine, variables without a value. */
export function normalise(model: MapNode, projectName: string, environment: ReadonlyMap<string, string>): MapNode {
  let normal = withNetworks(model);
  const services = member(normal, "services");
  if (services?.kind === "map") {
    const changed = mapMembers(services, (service) =>
      service.kind === "map" ? normaliseService(service, environment) : service,
    );
    normal = withMember(normal, "services", changed);
  }
  for (const section of ["networks", "volumes", "configs", "secrets"]) {
    normal = withNames(normal, section, projectName);
  }
  return normal;
}

function withNetworks(model: MapNode): MapNode {
  const services = member(model, "services");
  let usesDefault = false;
  let result = model;
  if (services?.kind === "map") {
    const changed = mapMembers(services, (service) => {
      if (service.kind !== "map") return service;
      if (service.entries.has("provider") || service.entries.has("network_mode")) return service;
      const networks = member(service, "networks");
      const none = networks?.kind !== "map" || networks.entries.size === 0;
      if (none || networks.entries.has("default")) usesDefault = true;
      if (!none) return service;
      return withMember(service, "networks", mapOf({ default: null }, service.at));
    });
    result = withMember(model, "services", changed);
  }
  const networks = member(model, "networks");
  const declared = networks?.kind === "map" ? networks : map(new Map(), model.at);
  if (!usesDefault || declared.entries.has("default")) return result;
  const added = withMember(declared, "default", scalar(null, declared.at));
  return withMember(result, "networks", added);
}

function normaliseService(service: MapNode, environment: ReadonlyMap<string, string>): MapNode {
  let normal = service;
  if (stringOf(member(normal, "pull_policy")) === "if_not_present") {
    normal = withMember(normal, "pull_policy", scalar("missing", service.at));
  }
  const build = member(normal, "build");
  if (build?.kind === "map") normal = withMember(normal, "build", normaliseBuild(build, environment));
  const variables = member(normal, "environment");
  if (variables !== undefined) {
    normal = withMember(normal, "environment", resolved(variables, environment, true));
  }
  const volumes = member(normal, "volumes");
  if (volumes?.kind === "seq") normal = withMember(normal, "volumes", mapItems(volumes, cleanTarget));
  return withImpliedDependencies(normal);
}

function normaliseBuild(build: MapNode, environment: ReadonlyMap<string, string>): MapNode {
  const inline = build.entries.has("dockerfile_inline");
  const withFile = inline ? build : withDefault(build, "dockerfile", "Dockerfile");
  const args = member(withFile, "args");
  return args === undefined ? withFile : withMember(withFile, "args", resolved(args, environment, false));
}

// A variable without a value takes it from the surroundings. The tool keeps those that have none in `environment` and drops them from `args`.
function resolved(node: Node, environment: ReadonlyMap<string, string>, keepUnset: boolean): Node {
  if (node.kind === "seq") {
    return mapItems(node, (item) => {
      const text = stringOf(item);
      if (text === undefined || text.includes("=")) return item;
      const value = environment.get(text);
      if (value !== undefined) return scalar(`${text}=${value}`, item.at);
      return keepUnset ? item : undefined;
    });
  }
  if (node.kind !== "map") return node;
  return mapMembers(node, (value, key) => {
    if (!isNull(value)) return value;
    const found = environment.get(key);
    if (found !== undefined) return scalar(found, value.at);
    return keepUnset ? value : undefined;
  });
}

function cleanTarget(volume: Node): Node {
  const target = member(volume, "target");
  const text = stringOf(target);
  if (volume.kind !== "map" || target === undefined || text === undefined) return volume;
  const clean = posix.normalize(text).replace(/(.)\/$/, "$1");
  return clean === text ? volume : withMember(volume, "target", scalar(clean, target.at));
}

function withImpliedDependencies(service: MapNode): MapNode {
  const known = member(service, "depends_on");
  let dependencies = known?.kind === "map" ? known : map(new Map(), service.at);
  const add = (name: string, restart: boolean, at: Node["at"]): void => {
    if (dependencies.entries.has(name)) return;
    const dependency = mapOf({ condition: "service_started", restart, required: true }, at);
    dependencies = withMember(dependencies, name, dependency);
  };
  for (const link of items(service, "links")) {
    const text = stringOf(link) ?? "";
    const parts = text.split(":");
    add(parts.length === 2 ? (parts[0] ?? "") : text, true, link.at);
  }
  for (const key of ["network_mode", "ipc", "pid", "uts", "cgroup"]) {
    const shared = member(service, key);
    const text = stringOf(shared);
    if (shared !== undefined && text?.startsWith("service:") === true) {
      add(text.slice("service:".length), true, shared.at);
    }
  }
  for (const from of items(service, "volumes_from")) {
    const text = stringOf(from) ?? "";
    if (!text.startsWith("container:")) add(text.split(":")[0] ?? "", false, from.at);
  }
  return dependencies.entries.size === 0 ? service : withMember(service, "depends_on", dependencies);
}

function items(service: MapNode, key: string): readonly Node[] {
  const list = member(service, key);
  return list?.kind === "seq" ? list.items : seq([], service.at).items;
}

function withNames(model: MapNode, section: string, projectName: string): MapNode {
  const resources = member(model, section);
  if (resources?.kind !== "map") return model;
  return withMember(
    model,
    section,
    mapMembers(resources, (resource, key) => {
      const full = resource.kind === "map" ? resource : map(new Map<string, Node>(), resource.at);
      const external = member(full, "external");
      const own = external?.kind === "scalar" && external.value === true;
      return withDefault(full, "name", own ? key : `${projectName}_${key}`);
    }),
  );
}
