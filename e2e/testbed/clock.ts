import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { serverTree } from "./server-tree.ts";

/**
 * Environment of a program whose clock is wrong by so many milliseconds, until it ends. Its timers run as usual. (Debian's
 * libfaketime, unpacked into the cache.)
 */
export async function clockLibrary(skewMs: number): Promise<NodeJS.ProcessEnv> {
  const { folder } = await serverTree("faketime", (apt) => apt.download(["libfaketime"], "own"));
  const libraries = join(folder, "usr/lib");
  const [multiarch = ""] = await readdir(libraries);
  return {
    LD_PRELOAD: join(libraries, multiarch, "faketime/libfaketime.so.1"),
    FAKETIME: `${skewMs < 0 ? "-" : "+"}${Math.abs(skewMs) / 1000}s`,
    FAKETIME_DONT_FAKE_MONOTONIC: "1",
  };
}
