import { createHash, generateKeyPairSync } from "node:crypto";
import { once } from "node:events";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { Worker } from "node:worker_threads";
import { afterAll, beforeAll, expect, test } from "vitest";
import { run } from "../engine/run.ts";
import {
  type Arch,
  type BuildFacts,
  billOfMaterials,
  bundleProgram,
  developmentKey,
  makeExecutable,
  neededVersions,
  oldestGlibc,
  publicHalf,
  signChecksums,
  terminalAddon,
} from "./index.ts";
import { unpackedTools } from "./tools.ts";

const root = join(import.meta.dirname, "../../..");
const ownArch: Arch = process.arch === "arm64" ? "arm64" : "x64";
const facts: BuildFacts = {
  version: "9.8.7",
  commit: "0123abcd",
  committedAt: "2026-11-01T12:00:00.000Z",
  channel: "DEV",
  releaseKeys: [publicHalf(developmentKey())],
  runtime: "runtime-unverified",
};
// An executable is copied, stripped and injected into: 110 MB several times over, beside other tests.
const EXECUTABLE_TIMEOUT_MS = 180_000;
const said = (arch: Arch) =>
  `windflow-agent 9.8.7 (commit 0123abcd, DEV, protocol 1 to 1, node 24.21.0 runtime-unverified, linux-${arch})`;
let folder: string;
/** What the agent is made of, relative to the root. */
let inputs: string[];

beforeAll(async () => {
  mkdirSync(join(root, ".cache"), { recursive: true });
  folder = mkdtempSync(join(root, ".cache/build-"));
  inputs = await bundleAgent(root, "agent.cjs");
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const hashOf = (name: string): string =>
  createHash("sha256")
    .update(readFileSync(join(folder, name)))
    .digest("hex");

function bundleAgent(from: string, name: string): Promise<string[]> {
  return bundleProgram({ root: from, entry: "agent/src/main.ts", outfile: join(folder, name), facts, format: "cjs" });
}

async function executableOf(bundle: string, name: string, arch: Arch): Promise<string> {
  const assets = { "pty.node": terminalAddon(root, arch) };
  const outfile = join(folder, name);
  await makeExecutable({ root, bundle: join(folder, bundle), outfile, assets, arch, say: () => undefined });
  return outfile;
}

/** Another folder with the files that the agent is made of and nothing else. */
function copyOfSources(): string {
  const copy = join(folder, "elsewhere/clone");
  const described = new Set(["node_modules/@windflow"].map((path) => join(root, path)));
  for (const path of inputs) {
    cpSync(join(root, path), join(copy, path));
    for (let up = dirname(path); up !== "."; up = dirname(up)) described.add(join(root, up));
  }
  for (const place of [root, ...described])
    for (const name of ["package.json", "tsconfig.json", "tsconfig.base.json"])
      if (existsSync(join(place, name))) cpSync(join(place, name), join(copy, relative(root, place), name));
  mkdirSync(join(copy, "node_modules/@windflow"), { recursive: true });
  for (const name of ["agent", "core", "proto"])
    symlinkSync(`../../${name}`, join(copy, "node_modules/@windflow", name));
  return copy;
}

test(
  "the agent's executable runs alone, and no environment variable makes it run foreign code",
  async () => {
    const agent = await executableOf("agent.cjs", "agent", ownArch);
    const foreign = join(folder, "foreign.cjs");
    writeFileSync(foreign, 'process.stdout.write("FOREIGN CODE RAN");');
    const env = { PATH: "/usr/bin:/bin", NODE_OPTIONS: `--require ${foreign}` };
    expect(await run(agent, ["--version"], { cwd: "/", env })).toBe(`${said(ownArch)}\n`);
  },
  EXECUTABLE_TIMEOUT_MS,
);

test(
  "the same sources give the same bytes in another folder, bundle and executable",
  async () => {
    await bundleAgent(copyOfSources(), "elsewhere/other-name.cjs");
    expect(hashOf("elsewhere/other-name.cjs")).toBe(hashOf("agent.cjs"));
    await executableOf("elsewhere/other-name.cjs", "elsewhere/agent", ownArch);
    expect(hashOf("elsewhere/agent")).toBe(hashOf("agent"));
  },
  EXECUTABLE_TIMEOUT_MS,
);

test("the bill of materials names what is inside, with licences and checksums, and the Node as not compared", () => {
  const text = billOfMaterials({ root, name: "windflow-agent", facts, inputs, runtime: "arm64" });
  const { components } = JSON.parse(text) as { components: { name: string; purl: string; licenses: object[] }[] };
  const named = new Map(components.map((component) => [component.name, component]));
  expect([...named.keys()]).toEqual(
    expect.arrayContaining(["@grpc/grpc-js", "commander", "dockerode", "node-pty", "node"]),
  );
  expect([...named.keys()]).not.toContain("ssh2");
  expect(named.get("commander")).toMatchObject({
    purl: expect.stringMatching(/^pkg:npm\/commander@\d/),
    hashes: [{ alg: "SHA-512", content: expect.stringMatching(/^[0-9a-f]{128}$/) }],
    licenses: [{ license: { id: "MIT", text: { content: expect.stringContaining("Permission is hereby granted") } } }],
  });
  expect(named.get("node")).toMatchObject({
    version: "24.21.0",
    properties: [{ name: "windflow:runtime", value: "runtime-unverified" }],
  });
  expect(text).not.toContain("not declared");
  expect(text).not.toContain(root);
});

test("the agent knows by the key inside of it what was released with it", async () => {
  const sums = Buffer.from(`${hashOf("agent.cjs")}  agent.cjs\n`);
  writeFileSync(join(folder, "SHA256SUMS"), sums);
  writeFileSync(join(folder, "SHA256SUMS.sig"), signChecksums(sums, developmentKey()));
  const verify = (): Promise<string> => run(join(folder, "agent"), ["verify", join(folder, "agent.cjs")], { cwd: "/" });
  expect(await verify()).toBe("This file is as released.\n");
  writeFileSync(join(folder, "SHA256SUMS.sig"), signChecksums(sums, generateKeyPairSync("ed25519").privateKey));
  await expect(verify()).rejects.toThrow("not signed by a key that this agent trusts");
});

test(
  "the arm64 executable, made here, says its version and runs on glibc 2.28",
  async () => {
    const agent = await executableOf("agent.cjs", "agent-arm64", "arm64");
    expect(await oldestGlibc(agent)).toBe("2.28");
    expect(await runOnArm64(agent, "--version")).toBe(`${said("arm64")}\n`);
  },
  EXECUTABLE_TIMEOUT_MS,
);

/** Runs it as an arm64 machine would: under qemu's user emulation, with the libraries of such a Debian. */
async function runOnArm64(program: string, ...args: string[]): Promise<string> {
  if (process.arch === "arm64") return run(program, args);
  const packages = ["qemu-user-static", "libc6-arm64-cross", "libstdc++6-arm64-cross", "libgcc-s1-arm64-cross"];
  const { folder: tools } = await unpackedTools(
    root,
    "qemu-arm64",
    (apt) => apt.download(packages, "own"),
    console.log,
  );
  const emulator = join(tools, "usr/bin/qemu-aarch64-static");
  return run(emulator, ["-L", join(tools, "usr/aarch64-linux-gnu"), program, ...args]);
}

test("no part of an executable needs more of a host than glibc 2.28 and the libraries of GCC 8", async () => {
  const parts = [join(folder, "agent"), terminalAddon(root, "x64"), terminalAddon(root, "arm64")];
  expect(await Promise.all(parts.map(oldestGlibc))).toEqual(["2.28", expect.any(String), expect.any(String)]);
  for (const part of parts) {
    const versions = [...(await neededVersions(part)).values()].flat();
    expect(versions.filter((name) => name.startsWith("GLIBC_2.") && Number(name.slice(8).split(".")[0]) > 28)).toEqual(
      [],
    );
    // GCC 8, which came with glibc 2.28, gives GLIBCXX_3.4.25.
    expect(versions.filter((name) => name.startsWith("GLIBCXX_3.4.") && Number(name.slice(12)) > 25)).toEqual([]);
  }
});

test("the control plane's bundle runs as one file", async () => {
  const outfile = join(folder, "control-plane.mjs");
  await bundleProgram({ root, entry: "control-plane/src/main.ts", outfile, facts, format: "esm" });
  const help = await run(process.execPath, [outfile, "--help"], { cwd: "/" });
  expect(help).toContain("--port");
  // Loaded again by its own threads, it does what a thread is for and starts no second control plane.
  const thread = new Worker(outfile, { workerData: "windflow-compose-render" });
  const files = new Map([["compose.yaml", "services: {web: {image: web}}"]]);
  const input = { workingDir: "/stack", files, composeFiles: ["compose.yaml"], environment: {}, profiles: [] };
  thread.postMessage({ mode: "hosts", input });
  const [rendered] = await once(thread, "message");
  expect(rendered).toMatchObject({ model: { name: "stack", services: { web: { image: "web" } } }, problems: [] });
  await thread.terminate();
});
