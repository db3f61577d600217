import {
  type Arch,
  type BillOptions,
  type BuildFacts,
  billOfMaterials,
  bundleProgram,
  controlPlaneAssets,
  makeExecutable,
  oldestGlibc,
  packagedFolders,
  terminalAddon,
} from "@windflow/installer/build";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { compressForTransfer } from "./compress.ts";
import { dist, root } from "./options.ts";
import { say, sized } from "./say.ts";

const AGENT = "windflow-agent";
const CONTROL_PLANE = "windflow-control-plane";

/** Agents as executables, for transfer, and as a script. Gives the names of the files. */
export async function buildAgents(facts: BuildFacts, arches: readonly Arch[]): Promise<string[]> {
  const bundle = join(dist, `${AGENT}.cjs`);
  const inputs = await bundleProgram({ root, entry: "agent/src/main.ts", outfile: bundle, format: "cjs", facts });
  say(sized(bundle));
  const files = [`${AGENT}.cjs`];
  const transfers: Promise<string[]>[] = [];
  for (const arch of arches) {
    const name = `${AGENT}-linux-${arch}`;
    const assets = { "pty.node": terminalAddon(root, arch) };
    await makeExecutable({ root, bundle, outfile: join(dist, name), assets, arch, say });
    await sayExecutable(name);
    // Beside what is built next: the better half of a minute each.
    transfers.push(compressForTransfer(join(dist, name), ["gz", "zst"]));
    files.push(name, writeBill({ root, name, facts, inputs, runtime: arch }));
  }
  const compressed = (await Promise.all(transfers)).flat();
  for (const file of compressed) say(sized(join(dist, file)));
  return [...files, ...compressed];
}

/** Control planes as executables, for transfer, and as a script. Gives the names of the files. */
export async function buildControlPlanes(facts: BuildFacts, arches: readonly Arch[]): Promise<string[]> {
  const entry = "control-plane/src/main.ts";
  const script = `${CONTROL_PLANE}.mjs`;
  const inputs = await bundleProgram({ root, entry, outfile: join(dist, script), format: "esm", facts });
  say(sized(join(dist, script)));
  const files = [script, writeBill({ root, name: CONTROL_PLANE, facts, inputs })];
  const workFolder = mkdtempSync(join(dist, ".control-plane-"));
  try {
    const bundle = join(workFolder, "program.cjs");
    await bundleProgram({ root, entry, outfile: bundle, format: "cjs", facts });
    for (const arch of arches) {
      const name = `${CONTROL_PLANE}-linux-${arch}`;
      const assets = await controlPlaneAssets({ root, facts, uiFolder: join(dist, "ui"), workFolder, arch });
      await makeExecutable({ root, bundle, program: CONTROL_PLANE, outfile: join(dist, name), assets, arch, say });
      await sayExecutable(name);
      const compressed = await compressForTransfer(join(dist, name), ["gz"]);
      for (const file of compressed) say(sized(join(dist, file)));
      const inside = { inputs, folders: packagedFolders(root, arch), workspaces: ["ui"] };
      files.push(name, ...compressed, writeBill({ root, name, facts, ...inside, runtime: arch }));
    }
  } finally {
    rmSync(workFolder, { recursive: true, force: true });
  }
  return files;
}

async function sayExecutable(name: string): Promise<void> {
  const path = join(dist, name);
  say(`${sized(path)}, for glibc ${(await oldestGlibc(path)) ?? "of any version"} and newer`);
}

function writeBill(options: BillOptions): string {
  const file = `${options.name}.cdx.json`;
  writeFileSync(join(dist, file), billOfMaterials(options));
  say(sized(join(dist, file)));
  return file;
}
