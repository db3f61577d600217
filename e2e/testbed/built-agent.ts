import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { withLock } from "@windflow/installer";
import {
  type Arch,
  bundleProgram,
  developmentKey,
  makeExecutable,
  publicHalf,
  terminalAddon,
} from "@windflow/installer/build";
import { cacheFolder, repositoryRoot } from "./paths.ts";

export interface BuiltAgentOptions {
  /** What `--version` says. */
  readonly version?: string;
}

/**
 * Path of the agent's single executable, made of the sources as they are now: what is shipped but for the commit that it names. Kept in
 * the cache by what is in it, so that only the first test after a change waits for it (about 4 s).
 */
export async function builtAgent({ version = "0.1.0" }: BuiltAgentOptions = {}): Promise<string> {
  const arch: Arch = process.arch === "arm64" ? "arm64" : "x64";
  const agents = join(cacheFolder, "agents");
  await mkdir(agents, { recursive: true });
  const draft = await mkdtemp(join(agents, ".draft-"));
  try {
    const bundle = join(draft, "agent.cjs");
    await bundleProgram({
      root: repositoryRoot,
      entry: "agent/src/main.ts",
      outfile: bundle,
      format: "cjs",
      facts: {
        version,
        commit: "testbed",
        channel: "DEV",
        releaseKeys: [publicHalf(developmentKey())],
        runtime: "runtime-unverified",
      },
    });
    const digest = createHash("sha256")
      .update(await readFile(bundle))
      .digest("hex");
    const folder = join(agents, digest.slice(0, 16));
    const program = join(folder, "windflow-agent");
    await withLock(`${folder}.lock`, async () => {
      if (existsSync(program)) return;
      const assets = { "pty.node": terminalAddon(repositoryRoot, arch) };
      const outfile = join(draft, "windflow-agent");
      await makeExecutable({ root: repositoryRoot, bundle, outfile, assets, arch, say: console.log });
      await mkdir(folder, { recursive: true });
      await rename(outfile, program);
    });
    return program;
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
}
