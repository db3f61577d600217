import {
  inPlaceOf,
  isNull,
  type MapNode,
  map,
  mapOf,
  member,
  type Node,
  scalar,
  seq,
  type SeqNode,
  withEntries,
} from "./node.ts";
import { type PathRules, pathRules, rulesAt, rulesFor } from "./path-rules.ts";
import { fail, type KeyPath } from "./problem.ts";
import { textOf } from "./yaml-scalar.ts";

type Rules = PathRules<Merger> | undefined;
type Merger = (base: Node, over: Node, path: KeyPath, rules: Rules) => Node;

const RULES: PathRules<Merger> = pathRules<Merger>({
  "networks.*.ipam.config": mergePools,
  "networks.*.labels": appendPairs,
  "volumes.*.labels": appendPairs,
  "services.*.annotations": appendPairs,
  "services.*.build": mergeBuild,
  "services.*.build.args": appendPairs,
  "services.*.build.additional_contexts": appendPairs,
  "services.*.build.extra_hosts": appendNewHosts,
  "services.*.build.labels": appendPairs,
  "services.*.command": replace,
  "services.*.depends_on": mergeDependencies,
  "services.*.deploy.labels": appendPairs,
  "services.*.dns": appendPairs,
  "services.*.dns_opt": appendPairs,
  "services.*.dns_search": appendPairs,
  "services.*.entrypoint": replace,
  "services.*.env_file": appendPairs,
  "services.*.label_file": appendPairs,
  "services.*.environment": appendPairs,
  "services.*.extra_hosts": appendNewHosts,
  "services.*.healthcheck.test": replace,
  "services.*.labels": appendPairs,
  "services.*.volumes.*.volume.labels": appendPairs,
  "services.*.logging": mergeLogging,
  "services.*.models": mergeAsMaps,
  "services.*.networks": mergeAsMaps,
  "services.*.sysctls": appendPairs,
  "services.*.tmpfs": appendPairs,
  "services.*.ulimits.*": replace,
});

/** Lays a later file over an earlier one. A value keeps the position of the file that it came from. */
export function mergeModels(base: MapNode, over: MapNode): MapNode {
  return mergeMaps(base, over, [], RULES);
}

/** Lays a service over the one that it extends. */
export function mergeService(base: MapNode, over: MapNode, serviceName: string): MapNode {
  const path = ["services", serviceName];
  return mergeMaps(base, over, path, rulesAt(RULES, path));
}

function mergeMaps(base: MapNode, over: MapNode, path: KeyPath, rules: Rules): MapNode {
  const entries = new Map(base.entries);
  for (const [key, node] of over.entries) {
    const earlier = entries.get(key);
    entries.set(
      key,
      earlier === undefined ? node : inPlaceOf(merge(earlier, node, [...path, key], rulesFor(rules, key)), node),
    );
  }
  return withEntries(base, entries);
}

function merge(base: Node, over: Node, path: KeyPath, rules: Rules): Node {
  if (rules?.rule !== undefined) return rules.rule(base, over, path, rules);
  if (isNull(over)) return base;
  if (base.kind === "map") {
    return over.kind === "map" ? mergeMaps(base, over, path, rules) : cannotOverride(base, over, path);
  }
  if (base.kind === "seq") {
    return over.kind === "seq" ? seq([...base.items, ...over.items], over.at) : cannotOverride(base, over, path);
  }
  return over;
}

function replace(_base: Node, over: Node): Node {
  return over;
}

/** Maps become `key=value` lines, so that both forms can be joined; doubles go when lists are made unique. */
function appendPairs(base: Node, over: Node): Node {
  return seq([...pairs(base), ...pairs(over)], over.at);
}

function appendNewHosts(base: Node, over: Node): Node {
  const first = pairs(base);
  const known = new Set(first.map((node) => (node.kind === "scalar" ? textOf(node) : undefined)));
  const added = pairs(over).filter((node) => node.kind !== "scalar" || !known.has(textOf(node)));
  return seq([...first, ...added], over.at);
}

function pairs(node: Node): readonly Node[] {
  if (node.kind === "seq") return node.items;
  if (node.kind === "scalar") return node.type === "string" ? [node] : [];
  const lines: Node[] = [];
  for (const [key, value] of node.entries) {
    const at = value.keyAt ?? value.at;
    for (const one of value.kind === "seq" ? value.items : [value]) {
      if (one.kind !== "scalar") continue;
      lines.push(scalar(one.type === "null" ? key : `${key}=${textOf(one)}`, at));
    }
  }
  return lines.toSorted((a, b) => (lineText(a) < lineText(b) ? -1 : 1));
}

function lineText(node: Node): string {
  return node.kind === "scalar" ? String(node.value) : "";
}

function mergeBuild(base: Node, over: Node, path: KeyPath, rules: Rules): Node {
  return mergeMaps(buildMap(base), buildMap(over), path, rules);
}

function buildMap(node: Node): MapNode {
  if (node.kind === "map") return node;
  if (node.kind === "scalar" && node.type === "string") return mapOf({ context: node }, node.at);
  return map(new Map(), node.at);
}

function mergeDependencies(base: Node, over: Node, path: KeyPath, rules: Rules): Node {
  const asMap = (node: Node): MapNode =>
    toMap(node, path, (at) => mapOf({ condition: "service_started", required: true }, at));
  return mergeMaps(asMap(base), asMap(over), path, rules);
}

function mergeAsMaps(base: Node, over: Node, path: KeyPath, rules: Rules): Node {
  const asMap = (node: Node): MapNode => toMap(node, path, (at) => scalar(null, at));
  return mergeMaps(asMap(base), asMap(over), path, rules);
}

function toMap(node: Node, path: KeyPath, value: (at: Node["at"]) => Node): MapNode {
  if (node.kind === "map") return node;
  const entries = new Map<string, Node>();
  for (const item of node.kind === "seq" ? node.items : []) {
    if (item.kind !== "scalar" || item.type !== "string") {
      fail("WF_COMPOSE_SCHEMA", item.at, path, {
        what: "an item of this list is not text",
        why: "the list names things",
        fix: "write one name per item",
      });
    }
    entries.set(String(item.value), { ...value(item.at), keyAt: item.at });
  }
  return map(entries, node.at);
}

// Options of one logging driver mean nothing to another, so they are joined only when the drivers agree.
function mergeLogging(base: Node, over: Node, path: KeyPath, rules: Rules): Node {
  if (base.kind !== "map" || over.kind !== "map") return isNull(over) ? base : over;
  const first = member(base, "driver");
  const second = member(over, "driver");
  const agree =
    first === undefined ||
    second === undefined ||
    (first.kind === "scalar" && second.kind === "scalar" && first.value === second.value);
  return agree ? mergeMaps(base, over, path, rules) : over;
}

/** Address pools are joined by subnet. */
function mergePools(base: Node, over: Node, path: KeyPath, rules: Rules): Node {
  if (base.kind !== "seq" || over.kind !== "seq") return cannotOverride(base, over, path);
  const result: MapNode[] = [];
  for (const original of poolsOf(base)) {
    let current = original;
    for (const added of poolsOf(over)) {
      const index = result.findIndex((pool) => subnetOf(pool) === subnetOf(added));
      if (subnetOf(added) !== subnetOf(current) && index === -1) {
        result.push(added);
        continue;
      }
      current = mergeMaps(current, added, path, rules);
      const known = result.findIndex((pool) => subnetOf(pool) === subnetOf(current));
      if (known === -1) result.push(current);
      else result[known] = current;
    }
  }
  return seq(result, over.at);
}

function poolsOf(node: SeqNode): readonly MapNode[] {
  return node.items.filter((item) => item.kind === "map");
}

function subnetOf(pool: MapNode): string | undefined {
  const subnet = member(pool, "subnet");
  return subnet?.kind === "scalar" ? textOf(subnet) : undefined;
}

function cannotOverride(base: Node, over: Node, path: KeyPath): never {
  fail("WF_COMPOSE_MERGE", over.keyAt ?? over.at, path, {
    what: `this ${nounOf(over)} cannot be laid over a ${nounOf(base)}`,
    why: `line ${base.at.line} of ${base.at.file} gives the same key as a ${nounOf(base)}, and only like can be merged`,
    fix: "write both in the same form, or put !override before the later one",
  });
}

function nounOf(node: Node): string {
  return node.kind === "map" ? "map" : node.kind === "seq" ? "list" : "single value";
}
