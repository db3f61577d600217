import { existsSync } from "node:fs";
import { mkdir, readdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { withLock } from "../engine/lock.ts";
import { type PrivateApt, openPrivateApt } from "../engine/private-apt.ts";
import { run } from "../engine/run.ts";

/** Programs that packages of the machine's archive hold, unpacked into .cache and not installed. */
export interface UnpackedTools {
  folder: string;
  environment: NodeJS.ProcessEnv;
}

/** Gives the tree `name` from the cache, or fetches and unpacks it first. Throws SetupError where there is no apt. */
export async function unpackedTools(
  root: string,
  name: string,
  download: (apt: PrivateApt) => Promise<string[]>,
  say: (line: string) => void,
): Promise<UnpackedTools> {
  const cache = join(root, ".cache");
  const folder = join(cache, "tools", name);
  await mkdir(join(cache, "tools"), { recursive: true });
  await withLock(`${folder}.lock`, async () => {
    if (existsSync(folder)) return;
    say(`fetching ${name} (unpacked into the cache, not installed) …`);
    const apt = await openPrivateApt({ folder: join(cache, "apt"), onProgress: say });
    const draft = `${folder}.draft`;
    await rm(draft, { recursive: true, force: true });
    await mkdir(draft);
    for (const deb of await download(apt)) await run("dpkg-deb", ["-x", deb, draft]);
    await rename(draft, folder);
  });
  const libraries = join(folder, "usr/lib");
  const multiarch = (await readdir(libraries).catch(() => [])).filter((entry) => entry.endsWith("-linux-gnu"));
  const LD_LIBRARY_PATH = multiarch.map((entry) => join(libraries, entry)).join(":");
  return { folder, environment: { ...process.env, LD_LIBRARY_PATH } };
}
