import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";

/** Paths relative to `root` of the files that git knows or would add, sorted. Outside a checkout: throws. */
export function sourceFiles(root: string, pattern: RegExp): string[] {
  const listed = execFileSync("git", ["ls-files", "--cached", "--others", "--exclude-standard"], {
    cwd: root,
    encoding: "utf8",
    maxBuffer: 64 * 1024 * 1024,
  });
  return listed
    .split("\n")
    .filter((path) => pattern.test(path) && existsSync(join(root, path)))
    .sort();
}
