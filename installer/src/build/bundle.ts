import { build, type Plugin } from "esbuild";
import { join } from "node:path";
import type { BuildFacts } from "./facts.ts";

// Pulled in by dockerode for ssh:// engines and build sessions, which the agent never uses: 30 MB of private memory saved.
const NEVER_USED = /^(ssh2|cpu-features|@grpc\/proto-loader)$/;
// Lines stay short enough for a diff or an editor to open the bundle.
const LINE_LIMIT = 160;

export interface BundleOptions {
  root: string;
  /** Path of the program's main file, relative to the root. */
  entry: string;
  /** Path of the file to write, relative to the root. */
  outfile: string;
  /** What the program knows of its own build: the same facts and sources give the same bytes. */
  facts: BuildFacts;
  /** "cjs" for what goes into a single executable, "esm" for what node runs as a file. */
  format: "cjs" | "esm";
}

// Some libraries call require() at run time; a module has none of its own.
const REQUIRE_BANNER =
  'import { createRequire as __createRequire } from "node:module"; const require = __createRequire(import.meta.url);';

// A script has no import.meta; in an executable, its own path is that of the executable.
const OWN_URL_BANNER = 'const __ownUrl = require("node:url").pathToFileURL(__filename).href;';

/** One file with everything that the program imports but Node's own modules. Gives the files that are in it, relative to the root. */
export async function bundleProgram({ root, entry, outfile, facts, format }: BundleOptions): Promise<string[]> {
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints: [entry],
    outfile,
    bundle: true,
    platform: "node",
    target: "node24",
    format,
    banner: { js: format === "esm" ? REQUIRE_BANNER : OWN_URL_BANNER },
    minify: true,
    lineLimit: LINE_LIMIT,
    conditions: ["@windflow/source"],
    legalComments: "none",
    logLevel: "warning",
    // import.meta.resolve() finds files of packages, of which an executable has none: who asks for them expects an error.
    logOverride: { "empty-import-meta": "silent" },
    metafile: true,
    define: {
      WINDFLOW_BUILD: JSON.stringify(facts),
      ...(format === "cjs" ? { "import.meta.dirname": "__dirname", "import.meta.url": "__ownUrl" } : {}),
    },
    loader: { ".binpb": "binary" },
    plugins: [stubNeverUsed(), loadTerminalFromAsset(), embedProtoImage()],
  });
  return Object.keys(metafile.inputs)
    .filter((path) => !path.includes(":"))
    .toSorted();
}

function stubNeverUsed(): Plugin {
  return {
    name: "stub-never-used",
    setup(builder): void {
      builder.onResolve({ filter: NEVER_USED }, ({ path }) => ({ path, namespace: "never-used" }));
      builder.onLoad({ filter: /.*/, namespace: "never-used" }, ({ path }) => ({
        // What is taken from it at load time is given; whoever calls that is told.
        contents: [
          "module.exports = new Proxy({}, { get: (_, key) => function neverUsed() {",
          `  throw new Error("${path} is not part of this program (" + String(key) + ")");`,
          "} });",
        ].join("\n"),
      }));
    },
  };
}

/** node-pty looks for its native half beside its own files; in a single executable that half is an asset. */
function loadTerminalFromAsset(): Plugin {
  return {
    name: "terminal-from-asset",
    setup(builder): void {
      builder.onLoad({ filter: /node-pty[/\\]lib[/\\]utils\.js$/ }, () => ({
        contents: [
          'const { mkdtempSync, writeFileSync, rmSync } = require("node:fs");',
          'const { join, dirname } = require("node:path");',
          "exports.assign = Object.assign;",
          "exports.loadNativeModule = () => {",
          // Beside the state of the agent, since /tmp and /run may be mounted noexec.
          '  const folder = mkdtempSync(join(process.env.WINDFLOW_STATE_DIR || dirname(process.execPath), ".pty-"));',
          '  const file = join(folder, "pty.node");',
          "  try {",
          '    writeFileSync(file, Buffer.from(require("node:sea").getRawAsset("pty.node")), { mode: 0o600 });',
          "    const native = { exports: {} };",
          "    process.dlopen(native, file);",
          "    return { dir: folder, module: native.exports };",
          "  } finally {",
          "    rmSync(folder, { recursive: true, force: true });",
          "  }",
          "};",
        ].join("\n"),
        loader: "js",
      }));
    },
  };
}

/** The protos' image is read from its file in development; a bundle carries it. */
function embedProtoImage(): Plugin {
  return {
    name: "embed-proto-image",
    setup(builder): void {
      builder.onLoad({ filter: /proto[/\\]src[/\\]image\.ts$/ }, () => ({
        contents: 'import image from "../image.binpb";\nexport const readImage = () => image;\n',
        loader: "js",
      }));
    },
  };
}

/** Path of node-pty's native half for an architecture of ours. */
export function terminalAddon(root: string, arch: "x64" | "arm64"): string {
  return join(root, "node_modules/node-pty/prebuilds", `linux-${arch}`, "pty.node");
}
