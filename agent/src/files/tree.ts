import { posix } from "node:path";
import { canonicalJson, sha256Hex } from "@windflow/core";
import { isBelow, type Manifest, PLAIN_FOLDER, type StackEntry } from "./manifest.ts";

/** What a bind mount of a stack's own file or folder shows, whole. */
export interface Tree {
  /** 64 hex digits over the stack, the path, and everything that is there. */
  readonly digest: string;
  /** Path below the stack's folder as it is mounted; empty for the folder itself. */
  readonly source: string;
  /** Name of the file or folder inside the tree's own folder. */
  readonly base: string;
  /** Parents first; the path of the first is empty: what is mounted. */
  readonly entries: readonly StackEntry[];
  readonly sizeBytes: number;
}

// As many as the kernel follows.
const MAX_LINKS = 40;
// Names on the way, those of links included: four times the deepest path.
const MAX_STEPS = 256;
// Raised when trees are made otherwise, so that those of before are made anew.
const LAYOUT = 1;

/**
 * The tree for a bind mount.
 * @param source path below the stack's folder; empty for the folder itself. Links on the way to it are followed here, in the
 * manifest, and never on the host.
 * @returns undefined when the revision has nothing there.
 */
export function treeOf(manifest: Manifest, stackId: string, source: string): Tree | undefined {
  const at = resolvePath(manifest, source);
  if (at === undefined) return undefined;
  const entries = entriesAt(manifest, at);
  if (entries === undefined) return undefined;
  const content = entries.map((entry) => [
    entry.path,
    entry.kind,
    entry.mode,
    entry.uid,
    entry.gid,
    entry.kind === "link" ? entry.linkTarget : entry.digest,
  ]);
  return {
    // Two stacks with equal files must not share them: a container may write to what it mounts.
    digest: sha256Hex(canonicalJson([LAYOUT, stackId, source, content])),
    source,
    base: source === "" ? "files" : posix.basename(source),
    entries,
    sizeBytes: entries.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
  };
}

/** Everything of a stack, as its source's folder holds it. */
export function sourceTree(manifest: Manifest): readonly StackEntry[] {
  return entriesAt(manifest, "") ?? [];
}

/** The path without links in it; undefined when a link goes round or out. */
export function resolvePath(manifest: Manifest, path: string): string | undefined {
  // The next name is the last one.
  const names = path.split("/").toReversed();
  const done: string[] = [];
  let links = 0;
  for (let steps = 0; names.length > 0; steps++) {
    if (steps > MAX_STEPS) return undefined;
    const name = names.pop();
    if (name === undefined || name === "." || name === "") continue;
    if (name === "..") {
      if (done.pop() === undefined) return undefined;
      continue;
    }
    done.push(name);
    const entry = manifest.get(done.join("/"));
    if (entry?.kind !== "link") continue;
    if (++links > MAX_LINKS) return undefined;
    done.pop();
    names.push(...entry.linkTarget.split("/").toReversed());
  }
  return done.join("/");
}

/** Folders that nobody described come in as plain ones. */
function entriesAt(manifest: Manifest, at: string): StackEntry[] | undefined {
  const own = manifest.get(at);
  if (own !== undefined && own.kind !== "folder") return [{ ...own, path: "" }];
  const below = [...manifest.values()].filter(({ path }) => at === "" || isBelow(path, at));
  if (own === undefined && below.length === 0) return undefined;
  const found = new Map<string, StackEntry>([["", own === undefined ? plainFolder("") : { ...own, path: "" }]]);
  const skip = at === "" ? 0 : at.length + 1;
  for (const entry of below) {
    const path = entry.path.slice(skip);
    for (const parent of parentsOf(path)) if (!found.has(parent)) found.set(parent, plainFolder(parent));
    found.set(path, { ...entry, path });
  }
  return [...found.values()].toSorted((a, b) => (a.path < b.path ? -1 : 1));
}

function parentsOf(path: string): string[] {
  const names = path.split("/").slice(0, -1);
  return names.map((_name, i) => names.slice(0, i + 1).join("/"));
}

function plainFolder(path: string): StackEntry {
  return { path, kind: "folder", ...PLAIN_FOLDER, digest: "", sizeBytes: 0, linkTarget: "" };
}
