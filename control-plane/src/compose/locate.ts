import { type Node, positionOf } from "./node.ts";
import type { KeyPath, Position } from "./problem.ts";

/** Where a part of the normalised model was written: the deepest part of its path that stands in a file. */
export function locate(root: Node, path: KeyPath): Position {
  let node = root;
  for (const part of path) {
    const next =
      node.kind === "map" ? node.entries.get(String(part)) : node.kind === "seq" ? node.items[Number(part)] : undefined;
    if (next === undefined) break;
    node = next;
  }
  return positionOf(node);
}
