import { chmod, mkdir, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { serverTree } from "./server-tree.ts";

/** The folder to put on PATH so that `curl` is there: the machine's own, else Debian's unpacked into the cache. */
export async function curlFolder(searchPath: string): Promise<string> {
  for (const folder of searchPath.split(":").filter((entry) => entry !== "")) {
    if (await stat(join(folder, "curl")).catch(() => undefined)) return folder;
  }
  const { folder, libraryPath } = await serverTree("curl", (apt) => apt.downloadMissing(["curl"]));
  const launchers = join(folder, "launchers");
  await mkdir(launchers, { recursive: true });
  const launcher = join(launchers, "curl");
  await writeFile(launcher, `#!/bin/sh\nLD_LIBRARY_PATH='${libraryPath}' exec '${folder}/usr/bin/curl' "$@"\n`);
  await chmod(launcher, 0o755);
  return launchers;
}
