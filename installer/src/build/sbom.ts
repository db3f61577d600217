import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import type { BuildFacts } from "./facts.ts";
import runtimes from "./runtimes.json" with { type: "json" };
import type { Arch } from "./runtime.ts";

interface LockedPackage {
  version?: string;
  integrity?: string;
  license?: string;
}

export interface BillOptions {
  root: string;
  /** Name of the program. */
  name: string;
  facts: BuildFacts;
  /** What bundleProgram gave. */
  inputs: readonly string[];
  /** The Node inside of an executable; none for a bundle. */
  runtime?: Arch;
}

/** CycloneDX 1.6: every npm package that has a file inside the program, with licence text, and its Node. The same inputs give the same text. */
export function billOfMaterials({ root, name, facts, inputs, runtime }: BillOptions): string {
  const lock = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8")) as {
    packages: Record<string, LockedPackage>;
  };
  const folders = new Set(inputs.flatMap((path) => packageFolder(path) ?? []));
  const components = [...folders].toSorted().map((folder) => packageComponent(root, folder, lock.packages[folder]));
  if (runtime !== undefined) components.push(runtimeComponent(root, facts, runtime));
  const bill = {
    bomFormat: "CycloneDX",
    specVersion: "1.6",
    version: 1,
    metadata: {
      component: {
        type: "application",
        name,
        version: facts.version,
        licenses: [{ license: { id: "Apache-2.0" } }],
        properties: [
          { name: "windflow:commit", value: facts.commit },
          { name: "windflow:channel", value: facts.channel },
        ],
      },
    },
    components,
  };
  return `${JSON.stringify(bill, undefined, 1)}\n`;
}

/** "node_modules/a/node_modules/@b/c" of a file below it; undefined for our own sources. */
function packageFolder(path: string): string | undefined {
  return /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path)?.[0];
}

function packageComponent(root: string, folder: string, locked: LockedPackage | undefined): object {
  const name = folder.slice(folder.lastIndexOf("node_modules/") + "node_modules/".length);
  if (locked?.version === undefined)
    throw new Error(`${folder} is in the program and not in package-lock.json. Run npm ci and build again.`);
  return {
    type: "library",
    name,
    version: locked.version,
    purl: `pkg:npm/${name.replace("@", "%40")}@${locked.version}`,
    ...hashesOf(locked.integrity),
    licenses: licensesOf(join(root, folder), locked.license),
  };
}

function runtimeComponent(root: string, facts: BuildFacts, arch: Arch): object {
  const { package: name, binarySha256 } = runtimes[`linux-${arch}`];
  return {
    type: "platform",
    name: "node",
    version: runtimes.version,
    purl: `pkg:npm/${name}@${runtimes.version}`,
    // Of the binary before it was stripped and the program put in.
    hashes: [{ alg: "SHA-256", content: binarySha256 }],
    // The package of this machine: its licence text is the same for every architecture.
    licenses: licensesOf(join(root, "node_modules", `node-linux-${process.arch}`), "MIT"),
    properties: [{ name: "windflow:runtime", value: facts.runtime }],
  };
}

function hashesOf(integrity: string | undefined): object {
  if (integrity?.startsWith("sha512-") !== true) return {};
  const content = Buffer.from(integrity.slice("sha512-".length), "base64").toString("hex");
  return { hashes: [{ alg: "SHA-512", content }] };
}

function licensesOf(folder: string, declared: string | undefined): object[] {
  if (declared?.includes(" ") === true) return [{ expression: declared }];
  const file = readdirSync(folder)
    .toSorted()
    .find((entry) => /^licen[cs]e(\.|$)/i.test(entry));
  const text = file === undefined ? {} : { text: { content: readFileSync(join(folder, file), "utf8") } };
  return [{ license: { ...(declared === undefined ? { name: "not declared" } : { id: declared }), ...text } }];
}
