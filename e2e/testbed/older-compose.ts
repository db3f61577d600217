import { stat } from "node:fs/promises";
import { join } from "node:path";
import { openPrivateApt } from "@windflow/installer";
import { cacheFolder } from "./paths.ts";
import { serverTree } from "./server-tree.ts";

/** A docker compose that is not the engine's own: a command to put arguments behind, and what it needs of the environment. */
export interface ComposeProgram {
  readonly command: readonly [program: string, ...args: string[]];
  readonly environment: NodeJS.ProcessEnv;
}

/** Debian's docker compose 2.26 of trixie, unpacked into the cache. */
export async function olderCompose(): Promise<ComposeProgram> {
  const { folder } = await serverTree("compose-trixie", async () => {
    const onProgress = (sentence: string): void => console.log(`testbed: ${sentence}`);
    const apt = await openPrivateApt({ folder: join(cacheFolder, "apt-trixie"), suites: ["trixie"], onProgress });
    return apt.download(["docker-compose"], "trixie");
  });
  return { command: [join(folder, "usr/libexec/docker/cli-plugins/docker-compose")], environment: {} };
}

/** The first docker compose, 1.29 in Python; undefined where the machine's own release has it no more. */
export async function firstCompose(): Promise<ComposeProgram | undefined> {
  const { folder, libraryPath } = await serverTree("compose-first", async (apt) =>
    apt.codename === "bookworm" ? apt.downloadMissing(["docker-compose"]) : [],
  );
  const packages = join(folder, "usr/lib/python3/dist-packages");
  if ((await stat(join(packages, "compose")).catch(() => undefined)) === undefined) return undefined;
  const own = join(folder, "usr/bin/python3");
  const python = (await stat(own).catch(() => undefined)) === undefined ? "/usr/bin/python3" : own;
  return { command: [python, "-m", "compose"], environment: { PYTHONPATH: packages, LD_LIBRARY_PATH: libraryPath } };
}
