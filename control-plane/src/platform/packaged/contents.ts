import { readdir, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { packagedAsset } from "./assets.ts";
import { unpackTree } from "./file-tree.ts";

/** What an executable carries that has to lie on a disk to be used. */
export interface Contents {
  /** With bin/postgres, lib and share. */
  readonly postgres: string;
  /** The built web application. */
  readonly ui: string;
  /** Removes what other versions of the program have unpacked; only for who is alone in the state folder. */
  removeOthers(): Promise<void>;
}

/** Unpacks once what the executable carries, into the state folder by its checksum. Undefined when the program runs from files. */
export async function unpackContents(stateFolder: string): Promise<Contents | undefined> {
  const packed = packagedAsset("contents");
  if (packed === undefined) return undefined;
  const folder = await unpackTree(packed, join(stateFolder, "program"));
  return {
    postgres: join(folder, "postgres"),
    ui: join(folder, "ui"),
    removeOthers: async () => {
      const others = (await readdir(dirname(folder))).filter((name) => name !== basename(folder));
      for (const name of others) await rm(join(dirname(folder), name), { recursive: true, force: true });
    },
  };
}
