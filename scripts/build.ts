// `npm run build [-- --own-arch] [--release-key PUBLIC.pem]…`: what is released, in dist/ (docs/release.md).
import {
  type Arch,
  billOfMaterials,
  buildFacts,
  bundleProgram,
  developmentKey,
  makeExecutable,
  oldestGlibc,
  publicHalf,
  signChecksums,
  terminalAddon,
} from "@windflow/installer/build";
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { cpSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import packageJson from "../package.json" with { type: "json" };
import { compressForTransfer } from "./build/compress.ts";
import { buildUi } from "./build/ui.ts";

const { values } = parseArgs({
  options: { "own-arch": { type: "boolean" }, "release-key": { type: "string", multiple: true } },
});
const root = join(import.meta.dirname, "..");
const dist = join(root, "dist");
const ownArch: Arch = process.arch === "arm64" ? "arm64" : "x64";
const arches: readonly Arch[] = values["own-arch"] === true ? [ownArch] : ["x64", "arm64"];
// Two slots: the key in use and the one that follows it.
const releaseKeys = (values["release-key"] ?? []).map((path) => publicHalf(readFileSync(path, "utf8")));
if (releaseKeys.length > 2) throw new Error("An agent has room for two release keys. Leave the oldest out.");
const isDevelopment = releaseKeys.length === 0;
const facts = buildFacts(
  root,
  packageJson.version,
  isDevelopment ? { channel: "DEV", releaseKeys: [publicHalf(developmentKey())] } : { channel: "release", releaseKeys },
);

const said = performance.now();
const say = (line: string): void =>
  console.log(`build: ${((performance.now() - said) / 1000).toFixed(0).padStart(3)} s  ${line}`);
const inDist = (name: string): string => join(dist, name);
const megabytes = (name: string): string => `${(statSync(inDist(name)).size / 1e6).toFixed(1)} MB`;
const released: string[] = [];

rmSync(dist, { recursive: true, force: true });
mkdirSync(dist, { recursive: true });

buildUi(root);
cpSync(join(root, "ui/dist"), inDist("ui"), { recursive: true });
say("ui → dist/ui");
// The control plane hands it to new hosts from beside its own program.
cpSync(join(root, "installer/install.sh"), inDist("install.sh"));
released.push("install.sh");

const bundles = [
  { entry: "agent/src/main.ts", name: "windflow-agent.cjs", format: "cjs" },
  { entry: "control-plane/src/main.ts", name: "windflow-control-plane.mjs", format: "esm" },
] as const;
for (const { entry, name, format } of bundles) {
  const inputs = await bundleProgram({ root, entry, outfile: inDist(name), format, facts });
  say(`${entry} → dist/${name} (${megabytes(name)})`);
  released.push(name);
  if (format === "cjs") for (const arch of arches) writeBill(`windflow-agent-linux-${arch}`, inputs, arch);
  else writeBill("windflow-control-plane", inputs);
}

for (const arch of arches) {
  const name = `windflow-agent-linux-${arch}`;
  const outfile = inDist(name);
  const assets = { "pty.node": terminalAddon(root, arch) };
  await makeExecutable({ root, bundle: inDist("windflow-agent.cjs"), outfile, assets, arch, say });
  say(`dist/${name} (${megabytes(name)}), for glibc ${(await oldestGlibc(outfile)) ?? "of any version"} and newer`);
  const compressed = await compressForTransfer(outfile);
  for (const file of compressed) say(`dist/${file} (${megabytes(file)})`);
  released.push(name, ...compressed);
}
say(execFileSync(inDist(`windflow-agent-linux-${ownArch}`), ["--version"], { encoding: "utf8" }).trim());

function writeBill(name: string, inputs: readonly string[], runtime?: Arch): void {
  const file = `${name}.cdx.json`;
  writeFileSync(
    inDist(file),
    billOfMaterials({ root, name, facts, inputs, ...(runtime === undefined ? {} : { runtime }) }),
  );
  released.push(file);
  say(`dist/${file} (${megabytes(file)})`);
}

const sums = released.map(
  (name) =>
    `${createHash("sha256")
      .update(readFileSync(inDist(name)))
      .digest("hex")}  ${name}\n`,
);
writeFileSync(inDist("SHA256SUMS"), sums.join(""));
if (isDevelopment) {
  writeFileSync(inDist("SHA256SUMS.sig"), signChecksums(readFileSync(inDist("SHA256SUMS")), developmentKey()));
  const verify = ["verify", ...released.map(inDist)];
  say(execFileSync(inDist(`windflow-agent-linux-${ownArch}`), verify, { encoding: "utf8" }).trim());
  say("SHA256SUMS is signed with the DEV key, which is no secret: this is no release.");
} else {
  say("SHA256SUMS waits for its signature by the offline release key: see docs/release.md.");
}
