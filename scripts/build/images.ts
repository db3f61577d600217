import {
  type Arch,
  type BuildFacts,
  billOfImage,
  makeAgentImage,
  makeControlPlaneImage,
  makeImageBase,
} from "@windflow/installer/build";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type BuildOptions, dist, images, root } from "./options.ts";
import { say, sized } from "./say.ts";
import { writeChecksums } from "./sign.ts";

// What a control plane gives to hosts, of each architecture.
const GIVEN = ["install.sh", "launch.sh", "release.json", "SHA256SUMS", "SHA256SUMS.sig"];
const GIVEN_FORMS = ["", ".zst"];

/** Images of the programs in dist/, as archives that an engine loads. Says so and goes on where a base cannot be made. */
export async function buildImages(facts: BuildFacts, options: BuildOptions): Promise<void> {
  rmSync(images, { recursive: true, force: true });
  mkdirSync(images);
  const files: string[] = [];
  const workFolder = mkdtempSync(join(dist, ".images-"));
  try {
    for (const arch of options.arches) files.push(...(await imagesOf(arch, facts, workFolder)));
  } finally {
    rmSync(workFolder, { recursive: true, force: true });
  }
  await writeChecksums(images, files, options);
}

async function imagesOf(arch: Arch, facts: BuildFacts, workFolder: string): Promise<string[]> {
  const base = await makeImageBase({ root, arch, workFolder, say }).catch((error: unknown) => {
    say(`there are no images for ${arch}: ${String(error)}`);
    return undefined;
  });
  if (base === undefined) return [];
  const files: string[] = [];
  const programs = [
    { program: "windflow-control-plane", make: makeControlPlaneImage },
    { program: "windflow-agent", make: makeAgentImage },
  ];
  for (const { program, make } of programs) {
    const built = `${program}-linux-${arch}`;
    const name = `${program}-image-linux-${arch}`;
    const outfile = join(images, `${name}.tar`);
    const executable = join(dist, built);
    const id = await make({ base, facts, arch, executable, outfile, workFolder, released: givenFiles() });
    say(`${sized(outfile)}: ${id}`);
    const bill = readFileSync(join(dist, `${built}.cdx.json`), "utf8");
    writeFileSync(join(images, `${name}.cdx.json`), billOfImage(bill, name, base.packages));
    files.push(`${name}.tar`, `${name}.cdx.json`);
  }
  return files;
}

function givenFiles(): string[] {
  const agents = ["x64", "arm64"].flatMap((arch) => GIVEN_FORMS.map((form) => `windflow-agent-linux-${arch}${form}`));
  return [...GIVEN, ...agents].map((name) => join(dist, name)).filter((path) => existsSync(path));
}
