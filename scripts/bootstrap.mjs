// The one entry of every npm script. Runs on whatever Node the machine has (20 or newer) with nothing installed, makes
// the installation and the generated code match the lock file and the protos, then goes on in the project's own Node 24.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const cache = join(root, ".cache");
const ownNode = join(root, "node_modules", ".bin", "node");
const command = process.argv[2] ?? "help";
const commandArguments = process.argv.slice(3);

// A second npm script may be started while the first one still installs; the lock is stale after this long.
const LOCK_STALE_MS = 15 * 60_000;
const LOCK_POLL_MS = 200;

/** @param {string[]} files */
function hashOf(files) {
  const hash = createHash("sha256");
  for (const file of files)
    hash
      .update(file)
      .update("\0")
      .update(readFileSync(join(root, file)))
      .update("\0");
  return hash.digest("hex");
}

/** @param {string} folder @param {string} ending @returns {string[]} */
function filesUnder(folder, ending) {
  return readdirSync(join(root, folder), { withFileTypes: true })
    .flatMap((entry) => {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) return filesUnder(path, ending);
      return entry.name.endsWith(ending) ? [path] : [];
    })
    .sort();
}

/** @param {string} name @param {string} hash */
const isCurrent = (name, hash) =>
  existsSync(join(cache, name)) && readFileSync(join(cache, name), "utf8").trim() === hash;
/** @param {string} name @param {string} hash */
const markCurrent = (name, hash) => writeFileSync(join(cache, name), `${hash}\n`);

/** @param {string} program @param {string[]} args @param {string} what */
function runOrExit(program, args, what) {
  const result = spawnSync(program, args, { cwd: root, stdio: "inherit", env: childEnvironment() });
  if (result.status === 0) return;
  console.error(
    `\nwindflow: ${what} failed (${result.error?.message ?? `exit code ${result.status ?? result.signal}`}).`,
  );
  process.exit(result.status ?? 1);
}

function childEnvironment() {
  return { ...process.env, PATH: `${join(root, "node_modules", ".bin")}:${process.env.PATH ?? ""}` };
}

function takeLock() {
  const lock = join(cache, "bootstrap.lock");
  for (;;) {
    try {
      mkdirSync(lock);
      return () => rmSync(lock, { recursive: true, force: true });
    } catch (error) {
      if (/** @type {NodeJS.ErrnoException} */ (error).code !== "EEXIST") throw error;
      if (Date.now() - statSync(lock, { throwIfNoEntry: false })?.mtimeMs > LOCK_STALE_MS) {
        rmSync(lock, { recursive: true, force: true });
      }
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, LOCK_POLL_MS);
    }
  }
}

function install() {
  const hash = hashOf(["package-lock.json", "package.json"]);
  if (isCurrent("installed", hash) && existsSync(ownNode)) return;
  console.log("windflow: installing the locked npm packages …");
  runOrExit("npm", ["ci", "--no-audit", "--no-fund", "--loglevel=error"], "npm ci");
  markCurrent("installed", hash);
}

function generate({ force = false } = {}) {
  const inputs = [
    ...filesUnder("proto/windflow", ".proto"),
    ...filesUnder("proto/scripts", ".ts"),
    "buf.yaml",
    "package-lock.json",
  ];
  const hash = hashOf(inputs);
  if (!force && isCurrent("generated", hash) && existsSync(join(root, "proto/src/gen"))) return;
  console.log("windflow: generating code from proto/ …");
  runOrExit(ownNode, ["proto/scripts/generate.ts"], "generate");
  markCurrent("generated", hash);
}

mkdirSync(cache, { recursive: true });
const unlock = takeLock();
try {
  install();
  generate({ force: command === "generate" });
} finally {
  unlock();
}
if (command === "generate") process.exit(0);

const script = join(root, "scripts", `${command}.ts`);
if (!existsSync(script)) {
  const known = readdirSync(join(root, "scripts"))
    .filter((name) => /^[a-z]+\.ts$/.test(name))
    .map((name) => name.slice(0, -3));
  console.error(`windflow: there is no command "${command}". Known: generate, ${known.join(", ")}.`);
  process.exit(2);
}
const flags = ["--conditions=@windflow/source", "--disable-warning=ExperimentalWarning"];
if (process.execve) process.execve(ownNode, [ownNode, ...flags, script, ...commandArguments], childEnvironment());
// Older Nodes have no execve: stay as a thin parent. The child sees the terminal's signals itself.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => {});
const { spawn } = await import("node:child_process");
const child = spawn(ownNode, [...flags, script, ...commandArguments], {
  cwd: root,
  stdio: "inherit",
  env: childEnvironment(),
});
process.on("SIGTERM", () => child.kill("SIGTERM"));
child.on("exit", (code, signal) => process.exit(code ?? (signal ? 1 : 0)));
