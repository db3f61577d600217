import { chmod, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { serverTree } from "./server-tree.ts";

const SYSTEM_PLACES = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];

/** How to start a browser with playwright-core. */
export interface Chromium {
  readonly executablePath: string;
  /** For launch(): no sandbox as root, no /dev/shm in small containers. */
  readonly args: readonly string[];
}

/** The machine's Chromium, else Debian's unpacked into the cache (first use: about 165 MB to fetch), never installed. */
export async function chromium(): Promise<Chromium> {
  const args = ["--no-sandbox", "--disable-dev-shm-usage"];
  for (const executablePath of SYSTEM_PLACES)
    if (await stat(executablePath).catch(() => undefined)) return { executablePath, args };
  const { folder, libraryPath } = await serverTree("chromium", (apt) =>
    apt.downloadMissing(["chromium", "fonts-dejavu-core"]),
  );
  return { executablePath: await launcherIn(folder, libraryPath), args };
}

// Fonts, their configuration and shared data are looked for in the system's places; the launcher names the tree's.
async function launcherIn(folder: string, libraryPath: string): Promise<string> {
  const launcher = join(folder, "chromium-here");
  const script = `#!/bin/sh
export LD_LIBRARY_PATH='${libraryPath}'
export FONTCONFIG_FILE='${folder}/fonts.conf'
export XDG_DATA_DIRS='${folder}/usr/share:/usr/share'
exec '${folder}/usr/lib/chromium/chromium' "$@"
`;
  if ((await readFile(launcher, "utf8").catch(() => "")) === script) return launcher;
  await writeFile(
    join(folder, "fonts.conf"),
    `<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "fonts.dtd"><fontconfig><dir>${folder}/usr/share/fonts</dir><dir>/usr/share/fonts</dir><cachedir>${folder}/font-cache</cachedir></fontconfig>\n`,
  );
  await writeFile(launcher, script);
  await chmod(launcher, 0o755);
  return launcher;
}
