import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { Worker } from "node:worker_threads";
import { afterAll, beforeAll, expect, test } from "vitest";
import { bundleProgram, makeExecutable, terminalAddon } from "./index.ts";

const root = join(import.meta.dirname, "../../..");
const arch = process.arch === "arm64" ? "arm64" : "x64";
let folder: string;

beforeAll(() => {
  mkdirSync(join(root, ".cache"), { recursive: true });
  folder = mkdtempSync(join(root, ".cache/build-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const within = (name: string): string => relative(root, join(folder, name));
const hashOf = (name: string): string =>
  createHash("sha256")
    .update(readFileSync(join(folder, name)))
    .digest("hex");

async function buildAgent(name: string): Promise<void> {
  const bundle = within(`${name}.cjs`);
  await bundleProgram({ root, entry: "agent/src/main.ts", outfile: bundle, version: "9.8.7", format: "cjs" });
  const assets = { "pty.node": terminalAddon("", arch) };
  makeExecutable({ root, bundle, outfile: within(name), assets, arch, say: () => undefined });
}

test("the agent's executable runs alone, and no environment variable makes it run foreign code", async () => {
  await buildAgent("agent");
  const foreign = join(folder, "foreign.cjs");
  writeFileSync(foreign, 'process.stdout.write("FOREIGN CODE RAN");');
  const environment = { PATH: "/usr/bin:/bin", NODE_OPTIONS: `--require ${foreign}` };
  const said = execFileSync(join(folder, "agent"), ["--version"], { cwd: "/", env: environment, encoding: "utf8" });
  expect(said).toContain("windflow-agent");
  expect(said).not.toContain("FOREIGN");
});

test("the same sources give the same bundle", async () => {
  const make = (outfile: string): Promise<void> =>
    bundleProgram({ root, entry: "agent/src/main.ts", outfile: within(outfile), version: "9.8.7", format: "cjs" });
  await make("one.cjs");
  await make("two.cjs");
  expect(hashOf("one.cjs")).toBe(hashOf("two.cjs"));
});

test("the control plane's bundle runs as one file", async () => {
  const outfile = within("control-plane.mjs");
  await bundleProgram({ root, entry: "control-plane/src/main.ts", outfile, version: "9.8.7", format: "esm" });
  const help = execFileSync(process.execPath, [join(root, outfile), "--help"], { cwd: "/", encoding: "utf8" });
  expect(help).toContain("--port");
  // Loaded again by its own threads, it does what a thread is for and starts no second control plane.
  const thread = new Worker(join(root, outfile), { workerData: "windflow-compose-render" });
  const files = new Map([["compose.yaml", "services: {web: {image: web}}"]]);
  const input = { workingDir: "/stack", files, composeFiles: ["compose.yaml"], environment: {}, profiles: [] };
  thread.postMessage({ mode: "hosts", input });
  const [rendered] = await once(thread, "message");
  expect(rendered).toMatchObject({ model: { name: "stack", services: { web: { image: "web" } } }, problems: [] });
  await thread.terminate();
});
