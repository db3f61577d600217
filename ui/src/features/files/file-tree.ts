/** A file or a folder as one line of the tree. */
export interface TreeRow {
  path: string;
  name: string;
  depth: number;
  folder: boolean;
  open: boolean;
  /** Files in it, at any depth; 1 for a file. */
  count: number;
  bytes: number;
}
export interface TreeFile {
  path: string;
  bytes: number;
  /** An empty folder, which stands for itself. */
  folder?: boolean;
}
interface Node {
  name: string;
  path: string;
  folder: boolean;
  count: number;
  bytes: number;
  children: Map<string, Node>;
}

/** The rows that are seen: folders first, then by name; what is in a closed folder is left out. */
export function treeRows(files: readonly TreeFile[], closed: ReadonlySet<string>): TreeRow[] {
  const root = node("", "", true);
  for (const file of files) {
    let at = root;
    const parts = file.path.split("/");
    const count = file.folder === true ? 0 : 1;
    at.count += count;
    at.bytes += file.bytes;
    parts.forEach((name, index) => {
      let next = at.children.get(name);
      if (next === undefined) {
        next = node(name, parts.slice(0, index + 1).join("/"), index < parts.length - 1 || file.folder === true);
        at.children.set(name, next);
      }
      next.count += count;
      next.bytes += file.bytes;
      at = next;
    });
  }
  const rows: TreeRow[] = [];
  const walk = (parent: Node, depth: number): void => {
    const sorted = [...parent.children.values()].toSorted(
      (a, b) => Number(b.folder) - Number(a.folder) || (a.name < b.name ? -1 : 1),
    );
    for (const { children: _, ...one } of sorted) {
      const open = one.folder && !closed.has(one.path);
      rows.push({ ...one, depth, open });
      if (open) walk(parent.children.get(one.name)!, depth + 1);
    }
  };
  walk(root, 0);
  return rows;
}
function node(name: string, path: string, folder: boolean): Node {
  return { name, path, folder, count: 0, bytes: 0, children: new Map() };
}
/** Whether a path is the folder itself or lies in it. */
export function isWithin(path: string, folder: string): boolean {
  return path === folder || path.startsWith(`${folder}/`);
}
