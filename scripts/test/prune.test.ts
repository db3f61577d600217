import { existsSync, mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { pruneCache } from "./prune.ts";

test("executables that were not used for hours and scripts that were compiled long ago are removed, others stay", () => {
  const cache = mkdtempSync(join(tmpdir(), "windflow-prune-"));
  const now = Date.now();
  const made = (path: string, hoursAgo: number): string => {
    mkdirSync(join(cache, path, ".."), { recursive: true });
    if (path.startsWith("agents")) mkdirSync(join(cache, path));
    else writeFileSync(join(cache, path), "");
    const at = new Date(now - hoursAgo * 3_600_000);
    utimesSync(join(cache, path), at, at);
    return path;
  };
  const gone = [made("agents/x64-old", 7), made("compiled/v24/old", 200)];
  const kept = [made("agents/x64-new", 1), made("compiled/v24/new", 100), made("engines/old", 900)];
  pruneCache(cache, now);
  expect([...gone, ...kept].filter((path) => existsSync(join(cache, path)))).toEqual(kept);
  pruneCache(join(cache, "none"), now);
  rmSync(cache, { recursive: true });
});
