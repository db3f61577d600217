import { createHash } from "node:crypto";
import { type Stats, constants } from "node:fs";
import { lstat, open, opendir, readlink } from "node:fs/promises";
import { join } from "node:path";
import type { StackEntry } from "./manifest.ts";

const MODE_BITS = 0o7777;
// The kernel stamps changes by a clock that stands still for up to 10 ms.
const CLOCK_STEP_MS = 20;

/**
 * How what is on disk differs from the entries that were written there; undefined when it does not. Ends at the first difference.
 * Nothing is followed: a container may have put links there.
 * @param trustedSince milliseconds since the epoch: a file whose content nobody changed after it is not read.
 */
export async function treeDifference(
  place: string,
  entries: readonly StackEntry[],
  trustedSince: number,
): Promise<string | undefined> {
  const wanted = new Map(entries.map((entry) => [entry.path, entry]));
  for (const entry of entries) {
    const path = entry.path === "" ? place : join(place, entry.path);
    const different = await entryDifference(path, entry, trustedSince);
    if (different !== undefined) return `${entry.path === "" ? "it" : entry.path} ${different}`;
    if (entry.kind !== "folder") continue;
    for await (const { name } of await opendir(path)) {
      const below = entry.path === "" ? name : `${entry.path}/${name}`;
      if (!wanted.has(below)) return `${below} is new`;
    }
  }
  return undefined;
}

async function entryDifference(path: string, entry: StackEntry, trustedSince: number): Promise<string | undefined> {
  const stats = await lstat(path).catch(absent);
  if (stats === undefined) return "is missing";
  if (kindOf(stats) !== entry.kind) return "is of another kind";
  if (stats.uid !== entry.uid || stats.gid !== entry.gid) return "has another owner";
  if (entry.kind === "link") return (await readlink(path)) === entry.linkTarget ? undefined : "leads elsewhere";
  if ((stats.mode & MODE_BITS) !== entry.mode) return "has another mode";
  if (entry.kind === "folder") return undefined;
  if (stats.size !== entry.sizeBytes) return "has another content";
  // The time of change, which nobody can set back.
  if (stats.ctimeMs < trustedSince - CLOCK_STEP_MS) return undefined;
  return (await digestOfFile(path)) === entry.digest ? undefined : "has another content";
}

async function digestOfFile(path: string): Promise<string> {
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    const hash = createHash("sha256");
    for await (const part of file.createReadStream({ autoClose: false })) hash.update(part as Buffer);
    return `sha256:${hash.digest("hex")}`;
  } finally {
    await file.close();
  }
}

function kindOf(stats: Stats): string {
  if (stats.isSymbolicLink()) return "link";
  if (stats.isDirectory()) return "folder";
  return stats.isFile() ? "file" : "other";
}

function absent(error: unknown): undefined {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  if (code === "ENOENT" || code === "ENOTDIR") return undefined;
  throw error;
}
