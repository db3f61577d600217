import { createHash } from "node:crypto";
import { createReadStream, existsSync, readFileSync } from "node:fs";
import { mkdir, mkdtemp, readdir, rename, rm } from "node:fs/promises";
import { basename, join } from "node:path";
import { withLock } from "../engine/lock.ts";
import { run } from "../engine/run.ts";

/**
 * Folder of a package that package-lock.json names: the installed one, or for another architecture the same fetched from
 * the npm registry into .cache. Throws when the registry gives other bytes than the lock names.
 */
export async function npmPackage(root: string, name: string): Promise<string> {
  const installed = join(root, "node_modules", name);
  if (existsSync(join(installed, "package.json"))) return installed;
  const { version, integrity } = lockedPackage(root, name);
  const cache = join(root, ".cache/packages");
  const folder = join(cache, `${name.replace("/", "-")}-${version}`);
  await mkdir(cache, { recursive: true });
  await withLock(`${folder}.lock`, async () => {
    if (!existsSync(folder)) await fetchPackage(folder, cache, { name, version, integrity });
  });
  return folder;
}

interface LockedPackage {
  name: string;
  version: string;
  /** As npm writes it: "sha512-" and base64. */
  integrity: string;
}

function lockedPackage(root: string, name: string): Omit<LockedPackage, "name"> {
  const lock = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8")) as {
    packages: Record<string, { version?: string; integrity?: string }>;
  };
  const { version, integrity } = lock.packages[`node_modules/${name}`] ?? {};
  if (version === undefined || integrity?.startsWith("sha512-") !== true)
    throw new Error(`package-lock.json does not name ${name} with its checksum. Run npm install and commit the lock.`);
  return { version, integrity };
}

async function fetchPackage(folder: string, cache: string, { name, version, integrity }: LockedPackage): Promise<void> {
  const draft = await mkdtemp(join(cache, "draft-"));
  try {
    // Not `npm install`: it refuses packages of another architecture.
    await run("npm", ["pack", `${name}@${version}`, "--silent", "--pack-destination", draft], { cwd: draft });
    const archive = (await readdir(draft)).find((file) => file.endsWith(".tgz"));
    if (archive === undefined)
      throw new Error(`npm pack ${name}@${version} gave no archive. Try it by hand: it says what is the matter.`);
    const found = `sha512-${await digestOf(join(draft, archive), "sha512", "base64")}`;
    if (found !== integrity)
      throw new Error(
        `The registry gives a ${basename(folder)} that package-lock.json does not name (${found}, wanted ${integrity}). Do not use it.`,
      );
    await run("tar", ["-xzf", join(draft, archive), "-C", draft]);
    await rename(join(draft, "package"), folder);
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
}

/** Digest of a file's bytes. */
export async function digestOf(path: string, algorithm: string, encoding: "hex" | "base64"): Promise<string> {
  const hash = createHash(algorithm);
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  return hash.digest(encoding);
}
