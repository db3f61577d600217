import { type MapNode, mapItems, mapMembers, type Node } from "./node.ts";
import type { KeyPath } from "./problem.ts";

/** Paths that a document resets or overrides in what came before it. */
export type ResetPaths = readonly KeyPath[];

/** Takes the `!reset` values out of a document and lists the paths of both tags. */
export function extractResets(document: Node): { document: Node | undefined; resets: ResetPaths } {
  const resets: KeyPath[] = [];
  const visit = (node: Node, path: KeyPath): Node | undefined => {
    if (node.directive !== undefined) {
      resets.push(path);
      return node.directive === "reset" ? undefined : node;
    }
    if (node.kind === "map") return mapMembers(node, (member, key) => visit(member, [...path, key]));
    // The tool numbers the items of a list here as keys, which its matching never meets; nothing inside a list is reset.
    if (node.kind === "seq") return mapItems(node, (item, i) => visit(item, [...path, i]));
    return node;
  };
  return { document: visit(document, []), resets };
}

/** Removes from a model what the paths name. */
export function applyResets(model: MapNode, resets: ResetPaths): MapNode {
  return resets.length === 0 ? model : withoutPaths(model, resets);
}

function withoutPaths(node: MapNode, resets: ResetPaths): MapNode {
  const byKey = new Map<string, KeyPath[]>();
  for (const [head, ...rest] of resets) {
    const paths = byKey.get(String(head));
    if (paths === undefined) byKey.set(String(head), [rest]);
    else paths.push(rest);
  }
  return mapMembers(node, (member, key) => {
    const below = byKey.get(key);
    if (below === undefined) return member;
    if (below.some((rest) => rest.length === 0)) return undefined;
    return member.kind === "map" ? withoutPaths(member, below) : member;
  });
}
