import { getRawAsset, isSea } from "node:sea";

/** A file that the build put into the executable, not copied; undefined when the program runs from files. Throws for a name that is not there. */
export function packagedAsset(name: string): Buffer | undefined {
  return isSea() ? Buffer.from(getRawAsset(name)) : undefined;
}
