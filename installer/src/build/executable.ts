import { createRequire } from "node:module";
import { chmod, copyFile, mkdir, mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { run, succeeds } from "../engine/run.ts";
import { NODE_FLAGS } from "../node-flags.ts";
import { type Arch, lockedRuntime } from "./runtime.ts";
import { unpackedTools } from "./tools.ts";

// Node's own marker in the binary: the injector turns it on (Node documentation, "Single executable applications").
const SEA_FUSE = "NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2";
const EXEC_ARGV = ["--disable-sigusr1", "--no-warnings"];
// It ends up inside, as the name of the script does: it is the same wherever the sources lie and the executable goes.
const BLOB = "program.blob";

export interface ExecutableOptions {
  root: string;
  /** Path of the bundle made by bundleProgram. */
  bundle: string;
  /** Which program it is; by default the agent. */
  program?: keyof typeof NODE_FLAGS;
  /** Path of the executable to write. */
  outfile: string;
  /** Asset name → path. */
  assets: Record<string, string>;
  arch: Arch;
  say: (line: string) => void;
}

/** A copy of our Node 24 with the program inside. Throws when the runtime is not the locked one. */
export async function makeExecutable(options: ExecutableOptions): Promise<void> {
  const { root, outfile, arch } = options;
  const runtime = await lockedRuntime(root, arch);
  await mkdir(dirname(outfile), { recursive: true });
  const folder = await mkdtemp(join(dirname(outfile), ".executable-"));
  try {
    const draft = join(folder, basename(outfile));
    await copyFile(runtime, draft);
    await chmod(draft, 0o755);
    // Stripping after the injection would leave a binary that does nothing.
    await strip(draft, options);
    await inject(draft, folder, options);
    await rename(draft, outfile);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function strip(path: string, { root, say, arch }: ExecutableOptions): Promise<void> {
  const triplet = arch === "arm64" ? "aarch64-linux-gnu" : "x86_64-linux-gnu";
  const program = process.arch === arch ? "strip" : `${triplet}-strip`;
  if (await succeeds(program, [path])) return;
  const packaged = `binutils-${triplet.replaceAll("_", "-")}`;
  try {
    const tools = await unpackedTools(root, packaged, (apt) => apt.downloadMissing([packaged]), say);
    await run(join(tools.folder, "usr/bin", `${triplet}-strip`), [path], { env: tools.environment });
  } catch (error) {
    say(`there is no ${program} here, and ${packaged} cannot be fetched (${String(error)}).`);
    say(`the executable stays unstripped: about 15 MB larger, and not the bytes that are made elsewhere.`);
  }
}

// In a process of its own: it prints a warning for every section that stripping has renamed.
async function inject(executable: string, folder: string, options: ExecutableOptions): Promise<void> {
  const blob = await makeBlob(folder, options);
  const postject = createRequire(import.meta.url).resolve("postject/dist/cli.js");
  await run(process.execPath, [postject, executable, "NODE_SEA_BLOB", blob, "--sentinel-fuse", SEA_FUSE]);
}

/** Path of the blob that holds the program and its assets. */
async function makeBlob(folder: string, options: ExecutableOptions): Promise<string> {
  const { root, bundle, program = "windflow-agent", assets } = options;
  const main = `${program}.cjs`;
  await copyFile(bundle, join(folder, main));
  for (const [name, path] of Object.entries(assets)) await copyFile(path, join(folder, name));
  const config = {
    main,
    output: BLOB,
    disableExperimentalSEAWarning: true,
    useSnapshot: false,
    // It would start 80 ms faster and be other bytes each time.
    useCodeCache: false,
    execArgv: [...NODE_FLAGS[program], ...EXEC_ARGV],
    execArgvExtension: "none",
    assets: Object.fromEntries(Object.keys(assets).map((name) => [name, name])),
  };
  await writeFile(join(folder, "sea.json"), JSON.stringify(config));
  await run(join(root, "node_modules/.bin/node"), ["--experimental-sea-config", "sea.json"], { cwd: folder });
  return join(folder, BLOB);
}
