import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { serverTree } from "./server-tree.ts";

// Both by Debian's libfaketime, unpacked into the cache.

/** Environment of a program whose clock is wrong by so many milliseconds, until it ends. Its timers run as usual. */
export async function clockLibrary(skewMs: number): Promise<NodeJS.ProcessEnv> {
  return {
    LD_PRELOAD: await faketime(),
    FAKETIME: `${skewMs < 0 ? "-" : "+"}${Math.abs(skewMs) / 1000}s`,
    FAKETIME_DONT_FAKE_MONOTONIC: "1",
  };
}

/** Environment of a program for which so many seconds pass in one: its clocks, timers and time-outs, all of them. */
export async function fastClock(speed: number): Promise<NodeJS.ProcessEnv> {
  return { LD_PRELOAD: await faketime(), FAKETIME: `+0s x${speed}` };
}

async function faketime(): Promise<string> {
  const { folder } = await serverTree("faketime", (apt) => apt.download(["libfaketime"], "own"));
  const libraries = join(folder, "usr/lib");
  const [multiarch = ""] = await readdir(libraries);
  return join(libraries, multiarch, "faketime/libfaketime.so.1");
}
