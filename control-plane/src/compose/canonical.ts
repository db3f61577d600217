import { MAX_PORTS } from "./limits.ts";
import {
  type MapNode,
  map,
  mapItems,
  mapMembers,
  mapOf,
  member,
  type Node,
  positionOf,
  scalar,
  seq,
  stringOf,
  withItems,
  withDefault,
  withMember,
} from "./node.ts";
import { type PathRules, pathRules, rulesFor } from "./path-rules.ts";
import { fail, type KeyPath } from "./problem.ts";
import { parseShortPort } from "./short-port.ts";
import { parseShortVolume } from "./short-volume.ts";
import { textOf } from "./yaml-scalar.ts";
import { posix } from "node:path";

/** What one rendering has written out so far. */
export interface WrittenOut {
  ports: number;
}

type Transform = (node: Node, path: KeyPath, spent: WrittenOut) => Node;

const TRANSFORMS: PathRules<Transform> = pathRules<Transform>({
  "services.*.build": longBuild,
  "services.*.build.secrets.*": longReference,
  "services.*.build.additional_contexts": longContexts,
  "services.*.depends_on": longDependencies,
  "services.*.env_file": longEnvFiles,
  "services.*.label_file": textToList,
  "services.*.extends": longExtends,
  "services.*.gpus": longGpus,
  "services.*.models": namesToMap,
  "services.*.networks": namesToMap,
  "services.*.volumes.*": longVolume,
  "services.*.dns": textToList,
  "services.*.devices.*": longDevice,
  "services.*.secrets.*": longReference,
  "services.*.configs.*": longReference,
  "services.*.ports": longPorts,
  "volumes.*": longExternal,
  "networks.*": longExternal,
  "secrets.*": longExternal,
  "configs.*": longExternal,
});

/** Writes every short form out. What is long already stays as it is, so the step may run once per file. */
export function toLongForms(model: MapNode, spent: WrittenOut): MapNode {
  const walked = walk(model, [], { rules: TRANSFORMS, spent });
  return walked.kind === "map" ? walked : model;
}

function walk(
  node: Node,
  path: KeyPath,
  by: { readonly rules: PathRules<Transform> | undefined; readonly spent: WrittenOut },
): Node {
  const { rules, spent } = by;
  if (rules === undefined) return node;
  const changed = rules.rule === undefined ? node : rules.rule(node, path, spent);
  const below = (child: Node, key: string | number): Node =>
    walk(child, [...path, key], { rules: rulesFor(rules, key), spent });
  if (changed.kind === "map") return mapMembers(changed, below);
  if (changed.kind === "seq") return mapItems(changed, below);
  return changed;
}

function isText(node: Node): boolean {
  return node.kind === "scalar" && node.type === "string";
}

function longBuild(node: Node): Node {
  return isText(node) ? mapOf({ context: node }, node.at) : node;
}

function longReference(node: Node): Node {
  return isText(node) ? mapOf({ source: node }, node.at) : node;
}

function longExtends(node: Node): Node {
  return isText(node) ? mapOf({ service: node }, node.at) : node;
}

function textToList(node: Node): Node {
  return isText(node) ? seq([node], node.at) : node;
}

function longContexts(node: Node, path: KeyPath): Node {
  if (node.kind === "map") {
    const wrong = [...node.entries.values()].find((context) => !isText(context));
    return wrong === undefined ? node : refuseContext(wrong, path);
  }
  if (node.kind !== "seq") return node;
  const entries = new Map<string, Node>();
  for (const item of node.items) {
    const text = stringOf(item) ?? "";
    if (!text.includes("=")) return refuseContext(item, path);
    const [key = "", ...rest] = text.split("=");
    entries.set(key, { ...scalar(rest.join("="), item.at), keyAt: item.at });
  }
  return map(entries, node.at);
}

function refuseContext(node: Node, path: KeyPath): never {
  fail("WF_COMPOSE_SYNTAX", positionOf(node), path, {
    what: "this is not a build context",
    why: "a context has a name and a place",
    fix: "write NAME=PATH, or NAME: PATH",
  });
}

function namesToMap(node: Node): Node {
  if (node.kind !== "seq") return node;
  const entries = new Map<string, Node>();
  for (const item of node.items) {
    if (item.kind !== "scalar") continue;
    entries.set(textOf(item), { ...scalar(null, item.at), keyAt: item.at });
  }
  return map(entries, node.at);
}

function longDependencies(node: Node): Node {
  if (node.kind === "seq") {
    const entries = new Map<string, Node>();
    for (const item of node.items) {
      if (item.kind !== "scalar") continue;
      const dependency = mapOf({ condition: "service_started", required: true }, item.at);
      entries.set(textOf(item), { ...dependency, keyAt: item.at });
    }
    return map(entries, node.at);
  }
  if (node.kind !== "map") return node;
  return mapMembers(node, (dependency) => {
    if (dependency.kind !== "map") return dependency;
    const conditioned = withDefault(dependency, "condition", "service_started");
    return withDefault(conditioned, "required", true);
  });
}

function longEnvFiles(node: Node): Node {
  const items = node.kind === "seq" ? node.items : isText(node) ? [node] : undefined;
  if (items === undefined) return node;
  const long = items.map((item) => {
    if (isText(item)) return mapOf({ path: item, required: true }, item.at);
    return item.kind === "map" ? withDefault(item, "required", true) : item;
  });
  return node.kind === "seq" ? withItems(node, long) : seq(long, node.at);
}

function longGpus(node: Node): Node {
  return isText(node) ? seq([mapOf({ count: node }, node.at)], node.at) : node;
}

function longVolume(node: Node, path: KeyPath): Node {
  if (node.kind !== "scalar" || node.type !== "string") return node;
  const { at } = node;
  const short = parseShortVolume(String(node.value), at, path);
  const target = short.target === "" ? "" : posix.normalize(short.target).replace(/(.)\/$/, "$1");
  const bindOptions = {
    ...(short.selinux === undefined ? {} : { selinux: short.selinux }),
    ...(short.propagation === undefined ? {} : { propagation: short.propagation }),
    ...(short.type === "bind" ? { create_host_path: true } : {}),
  };
  return mapOf(
    {
      type: short.type,
      ...(short.source === "" ? {} : { source: short.source }),
      target,
      ...(short.readOnly ? { read_only: true } : {}),
      ...(Object.keys(bindOptions).length === 0 ? {} : { bind: mapOf(bindOptions, at) }),
      ...(short.bare || (short.type === "bind" && !short.nocopy)
        ? {}
        : { volume: mapOf(short.nocopy ? { nocopy: true } : {}, at) }),
    },
    at,
  );
}

function longDevice(node: Node, path: KeyPath): Node {
  if (node.kind !== "scalar") return node;
  const text = textOf(node);
  const [source = "", target, permissions, ...more] = text.split(":");
  if (more.length > 0) {
    fail("WF_COMPOSE_SYNTAX", node.at, path, {
      what: `"${text}" is not a device`,
      why: "it has too many colons",
      fix: "write SOURCE:TARGET:PERMISSIONS, or the long form with source, target and permissions",
    });
  }
  return mapOf(
    {
      source,
      target: target === undefined || target === "" ? source : target,
      permissions: permissions ?? "rwm",
    },
    node.at,
  );
}

function longPorts(node: Node, path: KeyPath, spent: WrittenOut): Node {
  if (node.kind !== "seq") return node;
  return withItems(
    node,
    node.items.flatMap((item, i) => {
      if (item.kind === "map") return [item];
      if (item.kind === "scalar" && item.type === "int") return [mapOf({ target: item }, item.at)];
      if (isText(item)) {
        const ports = parseShortPort(String((item as { value: unknown }).value), item.at, [...path, i]);
        spent.ports += ports.length;
        if (spent.ports <= MAX_PORTS) return ports;
        return fail("WF_COMPOSE_LIMIT", item.at, [...path, i], {
          what: "there are too many ports once their ranges are written out",
          why: `one rendering may have ${MAX_PORTS}`,
          fix: "publish shorter ranges",
        });
      }
      return fail("WF_COMPOSE_SYNTAX", item.at, [...path, i], {
        what: "this is not a port",
        why: "a port is a whole number, a text or a map",
        fix: "put it in quotes",
      });
    }),
  );
}

// `external: {name: x}` is an old way to write `name: x` with `external: true`.
function longExternal(node: Node, path: KeyPath): Node {
  const external = member(node, "external");
  if (node.kind !== "map" || external?.kind !== "map") return node;
  const marked = withMember(node, "external", scalar(true, external.at));
  const oldName = member(external, "name");
  const name = member(node, "name");
  if (oldName === undefined) return marked;
  if (name === undefined) return withMember(marked, "name", oldName);
  const same = name.kind === "scalar" && oldName.kind === "scalar" && name.value === oldName.value;
  return same
    ? marked
    : fail("WF_COMPOSE_CONFLICT", positionOf(oldName), [...path, "external", "name"], {
        what: "name and external.name differ",
        why: "only one can be the name on the host",
        fix: "keep name, and write external: true",
      });
}
