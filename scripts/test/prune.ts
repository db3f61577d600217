// What earlier runs left in the cache: each change of the sources makes other programs, of 120 MB each, and other compiled scripts.
import { existsSync, readdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";

const HOUR_MS = 3_600_000;
/** Who goes back to yesterday's sources waits some seconds once more. The time of an executable's folder is that of its last use. */
const EXECUTABLES_UNUSED_MS = 6 * HOUR_MS;
/** Node says when it compiled a script, not when it used it last. */
const COMPILED_MS = 7 * 24 * HOUR_MS;

/** Removes from a cache folder what is named after its content and was not used for long. */
export function pruneCache(cacheFolder: string, now: number): void {
  removeOlder(join(cacheFolder, "agents"), now - EXECUTABLES_UNUSED_MS);
  const compiled = join(cacheFolder, "compiled");
  if (!existsSync(compiled)) return;
  for (const version of readdirSync(compiled)) removeOlder(join(compiled, version), now - COMPILED_MS);
}

function removeOlder(folder: string, before: number): void {
  if (!existsSync(folder)) return;
  for (const name of readdirSync(folder)) {
    const path = join(folder, name);
    if (statSync(path).mtimeMs < before) rmSync(path, { recursive: true, force: true });
  }
}
