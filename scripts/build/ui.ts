import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";

/** Builds ui/ into ui/dist with vite. Throws with vite's own words. */
export function buildUi(root: string): void {
  const vite = join(root, "node_modules/vite/bin/vite.js");
  execFileSync(process.execPath, [vite, "build", "--logLevel", "warn"], {
    cwd: join(root, "ui"),
    stdio: ["ignore", "inherit", "inherit"],
    // As it is shipped: what a test runner says of the environment would give the development form of each library.
    env: { ...process.env, NODE_ENV: "production" },
  });
}

// What the application is made of. Not asked of git: a machine that only runs WindFlow need not have it.
const INPUTS = [
  "ui/src",
  "ui/public",
  "ui/index.html",
  "ui/vite.config.ts",
  "proto/windflow",
  "proto/src",
  "package-lock.json",
];

/** Whether ui/dist is there and no file that it is made of is newer. */
export function isUiCurrent(root: string): boolean {
  const page = join(root, "ui/dist/index.html");
  if (!existsSync(page)) return false;
  const builtAt = statSync(page).mtimeMs;
  return INPUTS.every((path) => newestBelow(join(root, path)) <= builtAt);
}

function newestBelow(path: string): number {
  if (!existsSync(path)) return 0;
  if (!statSync(path).isDirectory()) return statSync(path).mtimeMs;
  const files = readdirSync(path, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return Math.max(0, ...files.map((entry) => statSync(join(entry.parentPath, entry.name)).mtimeMs));
}

// Run by itself, for tests that are started alone: builds only what is not there yet.
if (import.meta.main) {
  const root = join(import.meta.dirname, "../..");
  if (!isUiCurrent(root)) buildUi(root);
}
