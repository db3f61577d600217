import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { chmod, mkdir, mkdtemp, rename, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { sha256Hex, startEmbeddedPostgres, systemClock, type Log } from "../platform/index.ts";
import { packagedBinaries } from "../platform/postgres/binaries.ts";

const run = promisify(execFile);
const CACHE = join(import.meta.dirname, "../../../.cache");

/**
 * Fills a new state directory with an empty cluster. Making one takes seconds of CPU, copying it none: the first test
 * file makes it, all others copy.
 */
export async function copyEmptyCluster(stateDirectory: string, log: Log): Promise<void> {
  // For each user one of its own: nobody else may read a cluster.
  const version = sha256Hex(await packageVersion()).slice(0, 12);
  const template = join(CACHE, `empty-cluster-${version}-${process.getuid?.() ?? 0}`);
  if (!existsSync(template)) await makeTemplate(template, log);
  // With owners: as root, the files belong to the server's user.
  await run("cp", ["-a", `${template}/.`, stateDirectory]);
}

async function packageVersion(): Promise<string> {
  const { stdout } = await run(join(packagedBinaries(), "bin", "postgres"), ["--version"]);
  return stdout.trim();
}

async function makeTemplate(template: string, log: Log): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "windflow-template-"));
  await chmod(folder, 0o711);
  try {
    const server = await startEmbeddedPostgres({ stateDirectory: folder, clock: systemClock, log });
    await server.stop();
    await mkdir(CACHE, { recursive: true });
    const draft = await mkdtemp(`${template}.`);
    await run("cp", ["-a", `${folder}/.`, draft]);
    // Of two that made one at the same time, the first is kept.
    await rename(draft, template).catch(() => rm(draft, { recursive: true, force: true }));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
