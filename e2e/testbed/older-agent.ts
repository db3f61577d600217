import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, readdir, rename, rm, symlink } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { withLock } from "@windflow/installer";
import { bundleProgram } from "@windflow/installer/build";
import { testbedFacts } from "./built-programs.ts";
import { cacheFolder, repositoryRoot } from "./paths.ts";

const run = promisify(execFile);

/** The last commit before agents could be updated: no release is older than what it makes. */
const OLDER_COMMIT = "13bb59e78a3f5b92a9fc4da9324bccdd1fe671bf";
const BUNDLE = "windflow-agent.cjs";

/**
 * Path of the agent as it was before this version, one file for this Node, made of the repository's own history with today's
 * libraries; kept in the cache. undefined where the history is not there, as in a shallow clone.
 */
export async function olderAgent(): Promise<string | undefined> {
  const place = join(cacheFolder, "older", OLDER_COMMIT.slice(0, 12));
  await mkdir(join(cacheFolder, "older"), { recursive: true });
  return withLock(`${place}.lock`, async () => {
    if (existsSync(join(place, BUNDLE))) return join(place, BUNDLE);
    await rm(place, { recursive: true, force: true });
    await mkdir(place);
    if (!(await unpack(place))) return undefined;
    await linkLibraries(place);
    await run(process.execPath, [join(place, "proto/scripts/generate.ts")], { cwd: place });
    const draft = join(place, `${BUNDLE}.new`);
    await bundleProgram({
      root: repositoryRoot,
      entry: join(place, "agent/src/main.ts"),
      outfile: draft,
      format: "cjs",
      facts: { ...testbedFacts("0.0.9"), commit: OLDER_COMMIT },
    });
    await rename(draft, join(place, BUNDLE));
    return join(place, BUNDLE);
  });
}

async function unpack(place: string): Promise<boolean> {
  const archive = join(place, "sources.tar");
  const folders = ["proto", "core", "agent", "package.json", "buf.yaml", "tsconfig.base.json"];
  try {
    await run("git", ["archive", "-o", archive, OLDER_COMMIT, ...folders], { cwd: repositoryRoot });
  } catch {
    return false;
  }
  await run("tar", ["-xf", archive, "-C", place]);
  await rm(archive);
  return true;
}

/** Today's libraries, and its own packages. */
async function linkLibraries(place: string): Promise<void> {
  const libraries = join(repositoryRoot, "node_modules");
  const own = join(place, "node_modules");
  await mkdir(join(own, "@windflow"), { recursive: true });
  for (const name of await readdir(libraries))
    if (name !== "@windflow") await symlink(join(libraries, name), join(own, name));
  for (const name of ["proto", "core", "agent"]) await symlink(join(place, name), join(own, "@windflow", name));
}
