import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdir, readFile, readdir, rename, rm, stat, symlink, writeFile } from "node:fs/promises";
import { basename, join, relative } from "node:path";
import { pipeline } from "node:stream/promises";
import { withLock } from "./lock.ts";
import { type PrivateApt, openPrivateApt } from "./private-apt.ts";
import { type EngineRelease, type PackageChoice, REQUIRED_PROGRAMS, SUPPORT_PACKAGES, choicesFor } from "./release.ts";
import { run, succeeds } from "./run.ts";
import { SetupError } from "./setup-error.ts";

/** A Docker Engine unpacked into a folder; nothing of it is installed on the machine. */
export interface UnpackedEngine {
  /** dockerd's own version, such as "28.5.2+dfsg4". */
  readonly version: string;
  /** Folder with dockerd, containerd, runc, docker, docker-init, iptables and ip: first on PATH. */
  readonly binFolder: string;
  /** Folder with docker-compose and docker-buildx, where the release has them. */
  readonly pluginFolder: string;
  /** PATH and library paths for the engine's programs, on top of the given environment. */
  environment(base: NodeJS.ProcessEnv): NodeJS.ProcessEnv;
}

export interface UnpackOptions {
  release: EngineRelease;
  /** The project's ignored cache; the engine lands in `engines/docker-<release>` below it. */
  cacheFolder: string;
  onProgress: (sentence: string) => void;
}

interface Manifest {
  version: string;
  /** File name of each .deb that was unpacked (name_version_arch). */
  packages: string[];
  /** Path below `tree` → sha256 and size in bytes of each program and library. */
  files: Record<string, { sha256: string; bytes: number }>;
}

/** Gives the engine from the cache, or fetches and unpacks it first. Safe to call from several processes at once. */
export async function unpackEngine(options: UnpackOptions): Promise<UnpackedEngine> {
  const folder = join(options.cacheFolder, "engines", `docker-${options.release}`);
  const present = await openUnpacked(folder);
  if (present !== undefined) return present;
  return withLock(`${folder}.lock`, async () => (await openUnpacked(folder)) ?? build(folder, options));
}

async function openUnpacked(folder: string): Promise<UnpackedEngine | undefined> {
  const text = await readFile(join(folder, "manifest.json"), "utf8").catch(() => undefined);
  if (text === undefined) return undefined;
  const manifest = JSON.parse(text) as Manifest;
  for (const [path, { bytes }] of Object.entries(manifest.files)) {
    const found = await stat(join(folder, "tree", path)).catch(() => undefined);
    if (found?.size !== bytes) return undefined;
  }
  return unpackedAt(folder, manifest.version);
}

/** Compares every file with the sha256 recorded when it was unpacked; gives the paths that differ. */
export async function alteredFiles(engine: UnpackedEngine): Promise<string[]> {
  const folder = join(engine.binFolder, "..");
  const manifest = JSON.parse(await readFile(join(folder, "manifest.json"), "utf8")) as Manifest;
  const altered: string[] = [];
  for (const [path, { sha256 }] of Object.entries(manifest.files)) {
    if ((await digestOf(join(folder, "tree", path)).catch(() => "")) !== sha256) altered.push(path);
  }
  return altered;
}

function unpackedAt(folder: string, version: string): UnpackedEngine {
  const binFolder = join(folder, "bin");
  const lib = join(folder, "lib");
  return {
    version,
    binFolder,
    pluginFolder: join(folder, "plugins"),
    environment: (base) => ({
      ...base,
      PATH: `${binFolder}:${base["PATH"] ?? "/usr/sbin:/usr/bin:/sbin:/bin"}`,
      LD_LIBRARY_PATH: lib,
      XTABLES_LIBDIR: join(folder, "xtables"),
    }),
  };
}

async function build(folder: string, options: UnpackOptions): Promise<UnpackedEngine> {
  const apt = await openPrivateApt({ folder: join(options.cacheFolder, "apt"), onProgress: options.onProgress });
  const failures: string[] = [];
  for (const choice of choicesFor(options.release)) {
    const known = await apt.known([...choice.engine, ...choice.extras], choice.suite);
    if (!choice.engine.every((name) => known.includes(name))) {
      failures.push(`${choice.suite} has no ${choice.engine.filter((name) => !known.includes(name)).join(", ")}`);
      continue;
    }
    try {
      return await buildFrom(
        folder,
        apt,
        { ...choice, extras: choice.extras.filter((name) => known.includes(name)) },
        options,
      );
    } catch (error) {
      failures.push(`${choice.suite}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  throw new SetupError(
    "A private Docker Engine could not be set up",
    failures.join("; "),
    "Install Docker Engine or Podman yourself, start it, and start again",
  );
}

async function buildFrom(
  folder: string,
  apt: PrivateApt,
  choice: PackageChoice,
  options: UnpackOptions,
): Promise<UnpackedEngine> {
  options.onProgress(
    `fetching Docker Engine from ${choice.suite === "own" ? apt.codename : choice.suite} (about 90 MB) …`,
  );
  const debs = [
    ...(await apt.downloadMissing([...SUPPORT_PACKAGES, ...(choice.suite === "sid" ? [] : choice.engine)])),
    ...(await apt.download(["runc"], "own")),
    ...(await apt.download([...choice.engine, ...choice.extras], choice.suite)),
  ];
  options.onProgress(`unpacking ${debs.length} packages into ${folder} (nothing is installed) …`);
  const draft = `${folder}.draft`;
  await rm(draft, { recursive: true, force: true });
  await mkdir(join(draft, "tree"), { recursive: true });
  for (const deb of debs) await run("dpkg-deb", ["-x", deb, join(draft, "tree")]);
  await rm(join(draft, "tree/usr/share"), { recursive: true, force: true });
  await layOut(draft);
  const version = await checkPrograms(draft);
  const manifest: Manifest = {
    version,
    packages: debs.map((deb) => basename(deb)).sort(),
    files: await fileDigests(draft),
  };
  await writeFile(join(draft, "manifest.json"), `${JSON.stringify(manifest, null, 1)}\n`);
  await rm(folder, { recursive: true, force: true });
  await rename(draft, folder);
  for (const deb of debs) await rm(deb, { force: true });
  options.onProgress(`Docker Engine ${version} is ready in ${folder}`);
  return unpackedAt(folder, version);
}

// Links, not copies: the programs stay where the packages put them, and `tree` is what the digests are of.
async function layOut(draft: string): Promise<void> {
  const files = await filesBelow(join(draft, "tree"));
  for (const name of ["bin", "lib", "xtables", "plugins"]) await mkdir(join(draft, name), { recursive: true });
  const link = async (into: string, name: string, target: string): Promise<void> => {
    const path = join(draft, into, name);
    await rm(path, { force: true });
    await symlink(relative(join(draft, into), target), path);
  };
  for (const file of files) {
    if (/\/s?bin\/[^/]+$/.test(file)) await link("bin", basename(file), file);
    else if (file.includes("/cli-plugins/")) await link("plugins", basename(file), file);
    else if (file.includes("/xtables/")) await link("xtables", basename(file), file);
    else if (/\/[^/]+\.so(\.\d+)*$/.test(file)) await link("lib", basename(file), file);
  }
  const bin = join(draft, "bin");
  const has = async (name: string): Promise<boolean> =>
    (await stat(join(bin, name)).catch(() => undefined)) !== undefined;
  for (const init of ["tini-static", "tini"])
    if ((await has(init)) && !(await has("docker-init"))) await link("bin", "docker-init", join(bin, init));
  const flavour = await iptablesFlavour(draft);
  if (flavour === undefined) return;
  for (const name of [
    "iptables",
    "ip6tables",
    "iptables-save",
    "iptables-restore",
    "ip6tables-save",
    "ip6tables-restore",
  ]) {
    await link("bin", name, join(bin, flavour));
  }
}

// The kernel may offer only one of the two; a fresh network namespace is where asking changes nothing.
async function iptablesFlavour(draft: string): Promise<string | undefined> {
  const env = unpackedAt(draft, "").environment(process.env);
  for (const flavour of ["xtables-nft-multi", "xtables-legacy-multi"]) {
    const program = join(draft, "bin", flavour);
    if (await succeeds("unshare", ["--net", program, "iptables", "-t", "nat", "-L", "-n"], { env })) return flavour;
  }
  return undefined;
}

async function checkPrograms(draft: string): Promise<string> {
  const env = unpackedAt(draft, "").environment(process.env);
  for (const program of REQUIRED_PROGRAMS)
    await run(program, [program === "containerd-shim-runc-v2" ? "-v" : "--version"], { env });
  const version = /version ([^\s,]+)/.exec(await run("dockerd", ["--version"], { env }))?.[1];
  if (version === undefined) throw new Error("dockerd does not tell its version");
  return version;
}

async function filesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile() || entry.isSymbolicLink())
    .map((entry) => join(entry.parentPath, entry.name));
}

async function fileDigests(draft: string): Promise<Manifest["files"]> {
  const tree = join(draft, "tree");
  const files: Manifest["files"] = {};
  for (const path of (await filesBelow(tree)).sort()) {
    const found = await stat(path).catch(() => undefined);
    if (found === undefined || !found.isFile()) continue;
    files[relative(tree, path)] = { sha256: await digestOf(path), bytes: found.size };
  }
  return files;
}

async function digestOf(path: string): Promise<string> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(path), hash);
  return hash.digest("hex");
}
