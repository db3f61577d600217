// `npm run build`: what is released, in dist/: the web UI, one bundle a program, one executable of the agent for this machine.
import { execFileSync } from "node:child_process";
import { bundleProgram, makeExecutable, terminalAddon } from "@windflow/installer/build";
import { createHash } from "node:crypto";
import { cpSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import packageJson from "../package.json" with { type: "json" };
import { buildUi } from "./build/ui.ts";

const root = join(import.meta.dirname, "..");
const dist = join(root, "dist");
const arch = process.arch === "arm64" ? "arm64" : "x64";
const say = (line: string): void => console.log(`build: ${line}`);
const megabytes = (path: string): string => `${(statSync(join(root, path)).size / 1e6).toFixed(1)} MB`;

rmSync(dist, { recursive: true, force: true });
mkdirSync(dist, { recursive: true });

buildUi(root);
cpSync(join(root, "ui/dist"), join(dist, "ui"), { recursive: true });
say("ui → dist/ui");
// The control plane hands it to new hosts from beside its own program.
cpSync(join(root, "installer/install.sh"), join(dist, "install.sh"));

const bundles = [
  { entry: "agent/src/main.ts", outfile: "dist/windflow-agent.cjs", format: "cjs" },
  { entry: "control-plane/src/main.ts", outfile: "dist/windflow-control-plane.mjs", format: "esm" },
] as const;
for (const { entry, outfile, format } of bundles) {
  await bundleProgram({ root, entry, outfile, format, version: packageJson.version });
  say(`${entry} → ${outfile} (${megabytes(outfile)})`);
}

const executable = `dist/windflow-agent-linux-${arch}`;
const assets = { "pty.node": terminalAddon("", arch) };
makeExecutable({ root, bundle: "dist/windflow-agent.cjs", outfile: executable, assets, arch, say });
const version = execFileSync(join(root, executable), ["--version"], { encoding: "utf8" }).trim();
say(`${executable} (${megabytes(executable)}) runs and says: ${version}`);

const sums = [...bundles.map(({ outfile }) => outfile), executable].map((path) => {
  const hash = createHash("sha256").update(readFileSync(join(root, path)));
  return `${hash.digest("hex")}  ${basename(path)}`;
});
writeFileSync(join(dist, "SHA256SUMS"), `${sums.join("\n")}\n`);
