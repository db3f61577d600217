import { readdirSync } from "node:fs";
import { join } from "node:path";

// What .gitignore names, read from the tree and not asked of git: a machine need not have it.
const NOT_OURS = new Set([
  ".git",
  "node_modules",
  "dist",
  ".cache",
  ".windflow",
  "gen",
  "artifacts",
  "screenshots",
  "results",
]);

/** Paths relative to `root` of our own files that match, sorted. */
export function sourceFiles(root: string, pattern: RegExp): string[] {
  return filesUnder(root, "")
    .filter((path) => pattern.test(path))
    .sort();
}

function filesUnder(root: string, folder: string): string[] {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = folder === "" ? entry.name : `${folder}/${entry.name}`;
    if (entry.isDirectory()) return NOT_OURS.has(entry.name) ? [] : filesUnder(root, path);
    return entry.isFile() ? [path] : [];
  });
}
