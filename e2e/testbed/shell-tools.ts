import { join } from "node:path";
import { serverTree } from "./server-tree.ts";

/** Programs that judge shell scripts, of Debian's packages unpacked into the cache. */
export interface ShellTools {
  readonly shellcheck: string;
  /** Static: `busybox sh` is the shell of small systems. */
  readonly busybox: string;
}

export async function shellTools(): Promise<ShellTools> {
  const { folder } = await serverTree("shell-tools", (apt) => apt.download(["shellcheck", "busybox-static"], "own"));
  return { shellcheck: join(folder, "usr/bin/shellcheck"), busybox: join(folder, "bin/busybox") };
}
