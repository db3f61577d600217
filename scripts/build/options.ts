import { type Arch, developmentKey, publicHalf } from "@windflow/installer/build";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";

/** What `npm run build` was asked for. */
export interface BuildOptions {
  /** "images": make images of what a build before has left in dist/. */
  only: "images" | undefined;
  arches: readonly Arch[];
  ownArch: Arch;
  keys: { channel: "DEV" | "release"; releaseKeys: string[] };
}

export const root: string = join(import.meta.dirname, "../..");
export const dist: string = join(root, "dist");
/** Images lie apart: they hold the signed checksums of the others. */
export const images: string = join(dist, "images");

// Two slots: the key in use and the one that follows it.
const KEY_SLOTS = 2;

/** Reads the command line. Throws with what to do. */
export function readOptions(args: readonly string[]): BuildOptions {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: { "own-arch": { type: "boolean" }, "release-key": { type: "string", multiple: true } },
  });
  const [only, ...others] = positionals;
  if ((only !== undefined && only !== "images") || others.length > 0)
    throw new Error(`There is no "${positionals.join(" ")}" to build: give nothing, or "images".`);
  const ownArch: Arch = process.arch === "arm64" ? "arm64" : "x64";
  const given = values["release-key"] ?? [];
  if (given.length > KEY_SLOTS) throw new Error("An agent has room for two release keys. Leave the oldest out.");
  const releaseKeys = given.map((path) => publicHalf(readFileSync(path, "utf8")));
  return {
    only,
    ownArch,
    arches: values["own-arch"] === true ? [ownArch] : ["x64", "arm64"],
    keys:
      releaseKeys.length === 0
        ? { channel: "DEV", releaseKeys: [publicHalf(developmentKey())] }
        : { channel: "release", releaseKeys },
  };
}
