import { type MapNode, mapItems, mapMembers, member, type Node, positionOf, type SeqNode, withItems } from "./node.ts";
import { type PathRules, pathRules, rulesFor } from "./path-rules.ts";
import { fail, type KeyPath } from "./problem.ts";
import { parseShortVolume } from "./short-volume.ts";
import { textOf } from "./yaml-scalar.ts";

/** What makes two items of a list the same; the later one takes the place of the earlier. */
type Index = (item: Node, path: KeyPath) => string;

const INDICES: PathRules<Index> = pathRules<Index>({
  "networks.*.labels": keyOfPair,
  "networks.*.ipam.options": keyOfPair,
  "services.*.annotations": keyOfPair,
  "services.*.build.args": keyOfPair,
  "services.*.build.additional_contexts": keyOfPair,
  "services.*.build.platform": keyOfPair,
  "services.*.build.tags": keyOfPair,
  "services.*.build.labels": keyOfPair,
  "services.*.cap_add": keyOfPair,
  "services.*.cap_drop": keyOfPair,
  "services.*.devices": targetOfDevice,
  "services.*.configs": targetOfMount(""),
  "services.*.deploy.labels": keyOfPair,
  "services.*.dns": keyOfPair,
  "services.*.dns_opt": keyOfPair,
  "services.*.dns_search": keyOfPair,
  "services.*.environment": keyOfPair,
  "services.*.env_file": pathOfFile,
  "services.*.expose": exposedPort,
  "services.*.labels": keyOfPair,
  "services.*.links": keyOfPair,
  "services.*.networks.*.aliases": keyOfPair,
  "services.*.networks.*.link_local_ips": keyOfPair,
  "services.*.ports": portAndAddress,
  "services.*.profiles": keyOfPair,
  "services.*.secrets": targetOfMount("/run/secrets"),
  "services.*.sysctls": keyOfPair,
  "services.*.tmpfs": keyOfPair,
  "services.*.volumes": targetOfVolume,
});

/** Removes from every list that is a set in disguise the items that a later one replaces. */
export function makeUnique(model: MapNode): MapNode {
  const walked = walk(model, [], INDICES);
  return walked.kind === "map" ? walked : model;
}

function walk(node: Node, path: KeyPath, rules: PathRules<Index> | undefined): Node {
  if (rules === undefined || node.kind === "scalar") return node;
  if (node.kind === "map") {
    return mapMembers(node, (child, key) => walk(child, [...path, key], rulesFor(rules, key)));
  }
  if (rules.rule !== undefined) return uniqueItems(node, rules.rule, path);
  return mapItems(node, (child, i) => walk(child, [...path, i], rulesFor(rules, i)));
}

function uniqueItems(node: SeqNode, index: Index, path: KeyPath): SeqNode {
  const items = new Map<string, Node>();
  for (const [i, item] of node.items.entries()) items.set(index(item, [...path, i]), item);
  return items.size === node.items.length ? node : withItems(node, [...items.values()]);
}

function keyOfPair(item: Node, path: KeyPath): string {
  if (item.kind !== "scalar" || item.type !== "string") return refuse(item, path, "text");
  const text = String(item.value);
  const equals = text.indexOf("=");
  return equals === -1 ? text : text.slice(0, equals);
}

function targetOfVolume(item: Node, path: KeyPath): string {
  if (item.kind === "map") return targetText(item, path, "mount");
  if (item.kind !== "scalar" || item.type !== "string") return "";
  return parseShortVolume(String(item.value), item.at, path).target;
}

function targetOfDevice(item: Node, path: KeyPath): string {
  if (item.kind === "map") return targetText(item, path, "device");
  const [source = "", target] = item.kind === "scalar" ? textOf(item).split(":") : [];
  return target ?? source;
}

function targetText(item: MapNode, path: KeyPath, noun: string): string {
  const target = member(item, "target");
  if (target?.kind === "scalar" && target.type === "string") return String(target.value);
  return fail("WF_COMPOSE_SCHEMA", positionOf(item), path, {
    what: `this ${noun} has no target`,
    why: "it would appear nowhere in the container",
    fix: "give target: the path inside the container",
  });
}

function targetOfMount(folder: string): Index {
  return (item, path) => {
    if (item.kind === "scalar" && item.type === "string") return `${folder}/${textOf(item)}`;
    if (item.kind !== "map") return refuse(item, path, "text or a map");
    const target = member(item, "target");
    if (target?.kind === "scalar") return textOf(target);
    const source = member(item, "source");
    return `${folder}/${source?.kind === "scalar" ? textOf(source) : ""}`;
  };
}

function pathOfFile(item: Node, path: KeyPath): string {
  if (item.kind === "scalar") return textOf(item);
  const file = member(item, "path");
  return file?.kind === "scalar" ? textOf(file) : refuse(item, path, "a path");
}

function exposedPort(item: Node, path: KeyPath): string {
  const plain = item.kind === "scalar" && (item.type === "string" || item.type === "int");
  return plain ? textOf(item) : refuse(item, path, "a port");
}

function portAndAddress(item: Node, path: KeyPath): string {
  if (item.kind === "scalar") return textOf(item);
  const text = (key: string, absent: string): string => {
    const node = member(item, key);
    return node?.kind === "scalar" ? textOf(node) : absent;
  };
  if (member(item, "target") === undefined) return refuse(item, path, "a port with a target");
  return `${text("host_ip", "0.0.0.0")}:${text("published", "")}:${text("target", "")}/${text("protocol", "tcp")}`;
}

function refuse(item: Node, path: KeyPath, noun: string): never {
  fail("WF_COMPOSE_SCHEMA", positionOf(item), path, {
    what: `this item is not ${noun}`,
    why: "the list holds nothing else",
    fix: `write ${noun}`,
  });
}
