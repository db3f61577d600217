import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { chmodSync, copyFileSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import runtimes from "./runtimes.json" with { type: "json" };

// Node's own marker in the binary: the injector turns it on (Node documentation, "Single executable applications").
const SEA_FUSE = "NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2";
const EXEC_ARGV = ["--max-semi-space-size=1", "--disable-sigusr1", "--no-warnings"];

export interface ExecutableOptions {
  root: string;
  /** Bundle made by bundleProgram, relative to the root. */
  bundle: string;
  /** Path of the executable to write, relative to the root. */
  outfile: string;
  /** Asset name → path. */
  assets: Record<string, string>;
  arch: "x64" | "arm64";
  say: (line: string) => void;
}

/** A copy of our Node 24 with the program inside. Throws when the runtime is not the locked one. */
export function makeExecutable(options: ExecutableOptions): void {
  const { root, outfile, arch } = options;
  const target = join(root, outfile);
  const temporary = `${target}.partial`;
  mkdirSync(dirname(target), { recursive: true });
  copyFileSync(lockedRuntime(root, arch), temporary);
  chmodSync(temporary, 0o755);
  strip(temporary, options);
  inject(options, temporary);
  renameSync(temporary, target);
}

function lockedRuntime(root: string, arch: "x64" | "arm64"): string {
  const { package: name, binarySha256 } = runtimes[`linux-${arch}`];
  const path = join(root, "node_modules", name, "bin/node");
  const found = createHash("sha256").update(readFileSync(path)).digest("hex");
  if (found !== binarySha256) {
    throw new Error(
      `${path} is not the runtime that runtimes.json names (sha256 ${found}, wanted ${binarySha256}). Run npm ci again.`,
    );
  }
  return path;
}

// Stripping after the injection would leave a binary that does nothing.
function strip(path: string, { say, arch }: ExecutableOptions): void {
  const program = process.arch === arch ? "strip" : `${arch === "arm64" ? "aarch64" : "x86_64"}-linux-gnu-strip`;
  try {
    execFileSync(program, [path], { stdio: "ignore" });
  } catch {
    say(`${program} (binutils) is not here: the executable stays unstripped, about 15 MB larger.`);
  }
}

// In a process of its own: it prints a warning for every section that stripping has renamed.
function inject(options: ExecutableOptions, executable: string): void {
  const blob = makeBlob(options);
  const postject = createRequire(import.meta.url).resolve("postject/dist/cli.js");
  try {
    const args = [postject, executable, "NODE_SEA_BLOB", blob, "--sentinel-fuse", SEA_FUSE];
    execFileSync(process.execPath, args, { stdio: "pipe" });
  } finally {
    rmSync(blob, { force: true });
  }
}

/** Path of the blob that holds the program and its assets. */
function makeBlob({ root, bundle, assets, outfile }: ExecutableOptions): string {
  const blob = `${outfile}.blob`;
  const config = join(root, `${outfile}.sea.json`);
  // Relative paths only: absolute ones would end up inside the executable.
  writeFileSync(
    config,
    JSON.stringify({
      main: bundle,
      output: blob,
      disableExperimentalSEAWarning: true,
      useSnapshot: false,
      useCodeCache: false,
      execArgv: EXEC_ARGV,
      execArgvExtension: "none",
      assets,
    }),
  );
  try {
    execFileSync(join(root, "node_modules/.bin/node"), ["--experimental-sea-config", config], {
      cwd: root,
      stdio: "pipe",
    });
    return join(root, blob);
  } finally {
    rmSync(config, { force: true });
  }
}
