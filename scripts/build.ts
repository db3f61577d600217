// `npm run build [-- --own-arch] [--release-key PUBLIC.pem]… [images]`: what is released, in dist/ (docs/release.md).
import { type BuildFacts, buildFacts, releaseDocument } from "@windflow/installer/build";
import { execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import packageJson from "../package.json" with { type: "json" };
import { buildImages } from "./build/images.ts";
import { type BuildOptions, dist, images, readOptions, root } from "./build/options.ts";
import { buildAgents, buildControlPlanes } from "./build/programs.ts";
import { say } from "./build/say.ts";
import { verifyByAgent, writeChecksums } from "./build/sign.ts";
import { buildUi } from "./build/ui.ts";

const SCRIPTS = ["install.sh", "launch.sh"];

const options = readOptions(process.argv.slice(2));
const facts = buildFacts(root, packageJson.version, options.keys);
if (options.only === undefined) await buildPrograms(facts, options);
else expectProgramsOf(facts);
if (existsSync(join(dist, "SHA256SUMS.sig"))) {
  verifyByAgent(dist, signedFiles(dist), options);
  await buildImages(facts, options);
  if (options.keys.channel === "DEV") verifyByAgent(images, signedFiles(images), options);
}
sayWhatIsLeft(options);

async function buildPrograms(built: BuildFacts, { arches, ownArch }: BuildOptions): Promise<void> {
  rmSync(dist, { recursive: true, force: true });
  mkdirSync(dist, { recursive: true });
  buildUi(root);
  cpSync(join(root, "ui/dist"), join(dist, "ui"), { recursive: true });
  say("ui");
  // The control plane hands them to new hosts from beside its own program.
  for (const script of SCRIPTS) cpSync(join(root, "installer", script), join(dist, script));
  writeFileSync(join(dist, "release.json"), releaseDocument(built));
  const files = [
    ...SCRIPTS,
    "release.json",
    ...(await buildAgents(built, arches)),
    ...(await buildControlPlanes(built, arches)),
  ];
  await writeChecksums(dist, files, options);
  for (const program of ["windflow-agent", "windflow-control-plane"])
    say(execFileSync(join(dist, `${program}-linux-${ownArch}`), ["--version"], { encoding: "utf8" }).trim());
}

function expectProgramsOf(wanted: BuildFacts): void {
  const path = join(dist, "release.json");
  const found = existsSync(path) ? readFileSync(path, "utf8") : "nothing";
  if (found === releaseDocument(wanted) && existsSync(join(dist, "SHA256SUMS.sig"))) return;
  throw new Error(
    `dist/ does not hold the signed programs of this commit, but ${found.trim()}. Run npm run build, sign dist/SHA256SUMS, and try again.`,
  );
}

function signedFiles(folder: string): string[] {
  const sums = readFileSync(join(folder, "SHA256SUMS"), "utf8");
  const named = new Set(sums.split("\n").map((line) => line.slice(line.indexOf("  ") + 2)));
  return readdirSync(folder).filter((name) => named.has(name));
}

function sayWhatIsLeft({ keys, only }: BuildOptions): void {
  if (keys.channel === "DEV") say("SHA256SUMS is signed with the DEV key, which is no secret: this is no release.");
  else if (existsSync(images) && only === "images")
    say("dist/images/SHA256SUMS waits for its signature by the offline key.");
  else
    say(
      "SHA256SUMS waits for its signature by the offline release key; images are made after it: see docs/release.md.",
    );
}
