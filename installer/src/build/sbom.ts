import { existsSync, readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import type { BuildFacts } from "./facts.ts";
import type { BasePackage } from "./image/base.ts";
import runtimes from "./runtimes.json" with { type: "json" };
import type { Arch } from "./runtime.ts";

interface LockedPackage {
  version?: string;
  integrity?: string;
  license?: string;
  dependencies?: Record<string, string>;
}
type Lock = Record<string, LockedPackage>;

export interface BillOptions {
  root: string;
  /** Name of the program. */
  name: string;
  facts: BuildFacts;
  /** What bundleProgram gave. */
  inputs: readonly string[];
  /** Folders of npm packages that are in it as files, such as "node_modules/@fastify/swagger-ui". */
  folders?: readonly string[];
  /** Workspaces whose npm packages are in it without their files being known, such as "ui". */
  workspaces?: readonly string[];
  /** The Node inside of an executable; none for a bundle. */
  runtime?: Arch;
}

/** CycloneDX 1.6: every npm package that has a file inside the program, with licence text, and its Node. The same inputs give the same text. */
export function billOfMaterials(options: BillOptions): string {
  const { root, name, facts, inputs, folders = [], workspaces = [], runtime } = options;
  const { packages: lock } = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8")) as { packages: Lock };
  const inside = new Set([
    ...inputs.flatMap((path) => packageFolder(path) ?? []),
    ...folders,
    ...workspaces.flatMap((workspace) => dependenciesOf(lock, workspace)),
  ]);
  const components = [...inside].toSorted().map((folder) => packageComponent(root, folder, lock[folder]));
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

/** The bill of a program's image: that of the program, and the system's packages around it. */
export function billOfImage(program: string, name: string, packages: readonly BasePackage[]): string {
  const bill = JSON.parse(program) as { metadata: { component: object }; components: object[] };
  const system = packages.map(({ name: library, version, architecture, distribution }) => ({
    type: "library",
    name: library,
    version,
    purl: `pkg:deb/${distribution}/${library}@${encodeURIComponent(version)}?arch=${architecture}`,
  }));
  const component = { ...bill.metadata.component, type: "container", name };
  const image = { ...bill, metadata: { component }, components: [...bill.components, ...system] };
  return `${JSON.stringify(image, undefined, 1)}\n`;
}

/** "node_modules/a/node_modules/@b/c" of a file below it; undefined for our own sources. */
function packageFolder(path: string): string | undefined {
  return /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path)?.[0];
}

/** Folders of everything that a workspace depends on when it is used, our own packages left out. */
function dependenciesOf(lock: Lock, workspace: string, seen: Set<string> = new Set()): string[] {
  for (const name of Object.keys(lock[workspace]?.dependencies ?? {})) {
    const folder = name.startsWith("@windflow/")
      ? name.slice("@windflow/".length)
      : resolvedFolder(lock, workspace, name);
    if (folder === undefined || seen.has(folder)) continue;
    seen.add(folder);
    dependenciesOf(lock, folder, seen);
  }
  return [...seen].filter((folder) => folder.includes("node_modules/"));
}

/** As Node finds a package: in the nearest node_modules going up. */
function resolvedFolder(lock: Lock, from: string, name: string): string | undefined {
  for (let at = from; ; at = at.slice(0, Math.max(0, at.lastIndexOf("/")))) {
    const folder = `${at === "" ? "" : `${at}/`}node_modules/${name}`;
    if (lock[folder] !== undefined) return folder;
    if (at === "") return undefined;
  }
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
    licenses: licensesOf(ownPackage(root, folder), locked.license),
  };
}

/** The package of this machine, where the one of another architecture is not installed: their licence texts are the same. */
function ownPackage(root: string, folder: string): string {
  const path = join(root, folder);
  return existsSync(path) ? path : path.replace(/linux-(x64|arm64)$/, `linux-${process.arch}`);
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
    licenses: licensesOf(ownPackage(root, `node_modules/${name}`), "MIT"),
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
