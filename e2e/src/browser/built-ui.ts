import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { repositoryRoot } from "@windflow/e2e/testbed";

const BUILD_TIMEOUT_MS = 180_000;

/** Builds the web application into a folder. */
export async function buildUi(folder: string): Promise<string> {
  const vite = join(repositoryRoot, "node_modules/vite/bin/vite.js");
  const args = [vite, "build", "--outDir", folder, "--emptyOutDir", "--logLevel", "error"];
  // As it is shipped: what the test runner says of the environment would give the development form of each library.
  const env = { ...process.env, NODE_ENV: "production" };
  await promisify(execFile)(process.execPath, args, {
    cwd: join(repositoryRoot, "ui"),
    timeout: BUILD_TIMEOUT_MS,
    env,
  });
  return folder;
}
