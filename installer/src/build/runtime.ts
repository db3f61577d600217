import { createHash } from "node:crypto";
import { createReadStream, existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { withLock } from "../engine/lock.ts";
import { run } from "../engine/run.ts";
import runtimes from "./runtimes.json" with { type: "json" };

/** Architectures that agents are built for, as Node names them. */
export type Arch = "x64" | "arm64";

/**
 * Path of the locked Node for an architecture: the installed package, or for a foreign architecture the same package
 * fetched from the npm registry into .cache. Throws when its bytes are not those that runtimes.json names.
 */
export async function lockedRuntime(root: string, arch: Arch): Promise<string> {
  const installed = join(root, "node_modules", runtimes[`linux-${arch}`].package, "bin/node");
  const path = existsSync(installed) ? installed : await fetchedRuntime(root, arch);
  const found = await digestOf(path, "sha256", "hex");
  const wanted = runtimes[`linux-${arch}`].binarySha256;
  if (found === wanted) return path;
  throw new Error(
    `${path} is not the runtime that runtimes.json names (sha256 ${found}, wanted ${wanted}). Remove it and run npm ci again.`,
  );
}

async function fetchedRuntime(root: string, arch: Arch): Promise<string> {
  const name = `${runtimes[`linux-${arch}`].package}-${runtimes.version}`;
  const cache = join(root, ".cache/runtimes");
  const folder = join(cache, name);
  await mkdir(cache, { recursive: true });
  await withLock(`${folder}.lock`, async () => {
    if (!existsSync(folder)) await fetchRuntime(folder, cache, arch);
  });
  return join(folder, "bin/node");
}

async function fetchRuntime(folder: string, cache: string, arch: Arch): Promise<void> {
  const { package: name, packageSha512 } = runtimes[`linux-${arch}`];
  const draft = await mkdtemp(join(cache, "draft-"));
  try {
    const archive = await packageInto(draft, `${name}@${runtimes.version}`);
    const found = await digestOf(archive, "sha512", "base64");
    if (found !== packageSha512)
      throw new Error(
        `The registry gives a ${name} that runtimes.json does not name (sha512 ${found}, wanted ${packageSha512}). Do not use it.`,
      );
    await run("tar", ["-xzf", archive, "-C", draft, "package/bin/node", "package/LICENSE"]);
    await rename(join(draft, "package"), folder);
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
}

// Not `npm install`: it refuses packages of another architecture.
async function packageInto(folder: string, spec: string): Promise<string> {
  await run("npm", ["pack", spec, "--silent", "--pack-destination", folder], { cwd: folder });
  const archive = (await readdir(folder)).find((file) => file.endsWith(".tgz"));
  if (archive === undefined)
    throw new Error(`npm pack ${spec} gave no archive. Try it by hand: it says what is the matter.`);
  return join(folder, archive);
}

async function digestOf(path: string, algorithm: string, encoding: "hex" | "base64"): Promise<string> {
  const hash = createHash(algorithm);
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  return hash.digest(encoding);
}
