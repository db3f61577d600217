import type { Position } from "./problem.ts";

interface Placed {
  /** Where the value begins. */
  readonly at: Position;
  /** Where its key begins, when it is a member of a map. */
  readonly keyAt?: Position;
  /** Nodes below and including this one, aliases counted each time they are used. */
  readonly size: number;
  /** A `!reset` or `!override` that stood before the value. */
  readonly directive?: "reset" | "override";
}

export type ScalarValue = string | number | bigint | boolean | null;

export interface ScalarNode extends Placed {
  readonly kind: "scalar";
  readonly type: "string" | "int" | "float" | "bool" | "null" | "timestamp";
  readonly value: ScalarValue;
}

export interface SeqNode extends Placed {
  readonly kind: "seq";
  readonly items: readonly Node[];
}

export interface MapNode extends Placed {
  readonly kind: "map";
  readonly entries: ReadonlyMap<string, Node>;
}

/**
 * A value of a Compose file that knows where it was written. Nodes never change: an alias shares its anchor's nodes,
 * and every step of the pipeline builds new ones around those it keeps, so positions survive merging.
 */
export type Node = ScalarNode | SeqNode | MapNode;

/** Where to point for a node: at its key if it has one, since the value may be empty or come from elsewhere. */
export function positionOf(node: Node): Position {
  return node.keyAt ?? node.at;
}

export function scalar(value: ScalarValue, at: Position): ScalarNode {
  return { kind: "scalar", type: typeOf(value), value, at, size: 1 };
}

export function seq(items: readonly Node[], at: Position): SeqNode {
  return { kind: "seq", items, at, size: totalSize(items) };
}

export function map(entries: ReadonlyMap<string, Node>, at: Position): MapNode {
  return { kind: "map", entries, at, size: totalSize(entries.values()) };
}

/** A map built in code, all of it pointing at one position. */
export function mapOf(members: Readonly<Record<string, Node | ScalarValue>>, at: Position): MapNode {
  const entries = new Map<string, Node>();
  for (const [key, member] of Object.entries(members)) {
    entries.set(key, typeof member === "object" && member !== null ? member : scalar(member, at));
  }
  return map(entries, at);
}

/** The same value in the place of another node: it keeps its own position but takes over the other's key. */
export function inPlaceOf(value: Node, place: Node): Node {
  if (value === place) return value;
  return place.keyAt === undefined ? value : { ...value, keyAt: place.keyAt };
}

export function withEntries(node: MapNode, entries: ReadonlyMap<string, Node>): MapNode {
  return { ...node, entries, size: totalSize(entries.values()) };
}

export function withItems(node: SeqNode, items: readonly Node[]): SeqNode {
  return { ...node, items, size: totalSize(items) };
}

/** The map with one member set (or removed). */
export function withMember(node: MapNode, key: string, member: Node | undefined): MapNode {
  const entries = new Map(node.entries);
  if (member === undefined) entries.delete(key);
  else entries.set(key, member);
  return withEntries(node, entries);
}

/** The map with a member that it lacks. */
export function withDefault(node: MapNode, key: string, value: ScalarValue): MapNode {
  return node.entries.has(key) ? node : withMember(node, key, scalar(value, node.at));
}

/** Each member through a function; the same node when nothing changed. Undefined removes the member. */
export function mapMembers(node: MapNode, change: (member: Node, key: string) => Node | undefined): MapNode {
  let changed = false;
  const entries = new Map<string, Node>();
  for (const [key, member] of node.entries) {
    const next = change(member, key);
    if (next !== member) changed = true;
    if (next !== undefined) entries.set(key, inPlaceOf(next, member));
  }
  return changed ? withEntries(node, entries) : node;
}

/** Each item through a function; the same node when nothing changed. Undefined removes the item. */
export function mapItems(node: SeqNode, change: (item: Node, index: number) => Node | undefined): SeqNode {
  let changed = false;
  const items: Node[] = [];
  for (const [index, item] of node.items.entries()) {
    const next = change(item, index);
    if (next !== item) changed = true;
    if (next !== undefined) items.push(next);
  }
  return changed ? withItems(node, items) : node;
}

export function member(node: Node | undefined, key: string): Node | undefined {
  return node?.kind === "map" ? node.entries.get(key) : undefined;
}

export function isNull(node: Node | undefined): boolean {
  return node?.kind === "scalar" && node.type === "null";
}

/** The text of a string; undefined for anything else. */
export function stringOf(node: Node | undefined): string | undefined {
  return node?.kind === "scalar" && node.type === "string" ? String(node.value) : undefined;
}

function typeOf(value: ScalarValue): ScalarNode["type"] {
  if (value === null) return "null";
  if (typeof value === "string") return "string";
  if (typeof value === "boolean") return "bool";
  return typeof value === "bigint" || Number.isInteger(value) ? "int" : "float";
}

function totalSize(nodes: Iterable<Node>): number {
  let size = 1;
  for (const node of nodes) size += node.size;
  return size;
}
