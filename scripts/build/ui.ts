import { execFileSync } from "node:child_process";
import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { sourceFiles } from "../check/source-files.ts";

/** Builds ui/ into ui/dist with vite. Throws with vite's own words. */
export function buildUi(root: string): void {
  const vite = join(root, "node_modules/vite/bin/vite.js");
  execFileSync(process.execPath, [vite, "build", "--logLevel", "warn"], {
    cwd: join(root, "ui"),
    stdio: ["ignore", "inherit", "inherit"],
  });
}

/** Whether ui/dist is there and no file that it is made of is newer. */
export function isUiCurrent(root: string): boolean {
  const page = join(root, "ui/dist/index.html");
  if (!existsSync(page)) return false;
  const builtAt = statSync(page).mtimeMs;
  const inputs = sourceFiles(root, /^(ui\/(?!dev\/|dist\/)|proto\/(windflow|src)\/|package-lock\.json)/);
  return inputs.every((path) => statSync(join(root, path)).mtimeMs <= builtAt);
}
