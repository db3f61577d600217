import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readFile, readdir, rename, rm, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { withLock } from "@windflow/installer";
import {
  type Arch,
  type BuildFacts,
  type ImageBase,
  buildFacts,
  bundleProgram,
  controlPlaneAssets,
  developmentKey,
  makeExecutable,
  makeImageBase,
  publicHalf,
  terminalAddon,
} from "@windflow/installer/build";
import { cacheFolder, repositoryRoot } from "./paths.ts";

const ownArch: Arch = process.arch === "arm64" ? "arm64" : "x64";

/** In place of those of the commit, which would make another executable of the same sources. */
const SAME_FACTS = { commit: "testbed", committedAt: "2026-11-01T00:00:00.000Z" };

export interface BuiltAgentOptions {
  /** What `--version` says. */
  readonly version?: string;
  /** This machine's own without it. */
  readonly arch?: Arch;
}

/** What programs of the testbed say of their build. */
export function testbedFacts(version: string = "0.1.0"): BuildFacts {
  const keys = { channel: "DEV", releaseKeys: [publicHalf(developmentKey())] } as const;
  return { ...buildFacts(repositoryRoot, version, keys), ...SAME_FACTS };
}

/**
 * Path of the agent's single executable, made of the sources as they are now: what is shipped but for the commit that it names. Kept in
 * the cache by what is in it, so that only the first test after a change waits for it (about 4 s).
 */
export function builtAgent({ version = "0.1.0", arch = ownArch }: BuiltAgentOptions = {}): Promise<string> {
  return kept({
    name: "windflow-agent",
    entry: "agent/src/main.ts",
    facts: testbedFacts(version),
    arch,
    make: async ({ bundle, outfile }) => {
      const assets = { "pty.node": terminalAddon(repositoryRoot, arch) };
      await makeExecutable({ root: repositoryRoot, bundle, outfile, assets, arch, say: console.log });
    },
  });
}

/** The same of the control plane, with the web application as it was built last into ui/dist. */
export async function builtControlPlane(): Promise<string> {
  const uiFolder = join(repositoryRoot, "ui/dist");
  if (!existsSync(uiFolder))
    throw new Error("There is no ui/dist. Build it: node node_modules/vite/bin/vite.js build, in ui/.");
  const facts = testbedFacts();
  // Names of its files change with what is in them.
  const pages = (await readdir(uiFolder, { recursive: true })).toSorted().join("\n");
  return kept({
    name: "windflow-control-plane",
    entry: "control-plane/src/main.ts",
    facts,
    arch: ownArch,
    beside: pages,
    make: async ({ bundle, outfile, workFolder }) => {
      const parts = { root: repositoryRoot, facts, uiFolder, workFolder, arch: ownArch };
      const assets = await controlPlaneAssets(parts);
      const program = "windflow-control-plane";
      await makeExecutable({ root: repositoryRoot, bundle, program, outfile, assets, arch: ownArch, say: console.log });
    },
  });
}

interface KeptProgram {
  name: string;
  entry: string;
  facts: BuildFacts;
  arch: Arch;
  /** What decides about the program beside its bundle. */
  beside?: string;
  make: (place: { bundle: string; outfile: string; workFolder: string }) => Promise<void>;
}

async function kept({ name, entry, facts, arch, beside = "", make }: KeptProgram): Promise<string> {
  const programs = join(cacheFolder, "agents");
  await mkdir(programs, { recursive: true });
  const workFolder = await mkdtemp(join(programs, ".draft-"));
  try {
    const bundle = join(workFolder, "program.cjs");
    await bundleProgram({ root: repositoryRoot, entry, outfile: bundle, format: "cjs", facts });
    const digest = createHash("sha256")
      .update(await readFile(bundle))
      .update(beside)
      .digest("hex");
    const folder = join(programs, `${arch}-${digest.slice(0, 16)}`);
    const program = join(folder, name);
    await withLock(`${folder}.lock`, async () => {
      if (existsSync(program)) return;
      const outfile = join(workFolder, name);
      await make({ bundle, outfile, workFolder });
      await mkdir(folder, { recursive: true });
      await rename(outfile, program);
    });
    // The time of its last use: what nobody uses is removed.
    const now = new Date();
    await utimes(folder, now, now);
    return program;
  } finally {
    await rm(workFolder, { recursive: true, force: true });
  }
}

/** The tree of the released images, made once: also a system that has nothing of the project. */
export async function imageBase(): Promise<ImageBase> {
  const workFolder = join(cacheFolder, "images", "base");
  const listed = join(workFolder, `packages-${ownArch}.json`);
  await mkdir(workFolder, { recursive: true });
  await withLock(join(workFolder, "lock"), async () => {
    if (existsSync(listed)) return;
    const base = await makeImageBase({ root: repositoryRoot, arch: ownArch, workFolder, say: console.log });
    await writeFile(`${listed}.new`, JSON.stringify(base));
    await rename(`${listed}.new`, listed);
  });
  return JSON.parse(await readFile(listed, "utf8")) as ImageBase;
}
