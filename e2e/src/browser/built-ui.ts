import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { repositoryRoot } from "@windflow/e2e/testbed";

const BUILD_TIMEOUT_MS = 600_000;

/**
 * The folder of the web application as it is shipped: the one build that all tests and benchmarks share, made first when a file that
 * it is made of is newer.
 */
export async function builtUi(): Promise<string> {
  const script = join(repositoryRoot, "scripts/build/ui.ts");
  await promisify(execFile)(process.execPath, [script], { cwd: repositoryRoot, timeout: BUILD_TIMEOUT_MS });
  return join(repositoryRoot, "ui/dist");
}
