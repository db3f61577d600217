import { mkdir, readdir, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { type PrivateApt, openPrivateApt, run, withLock } from "@windflow/installer";
import { cacheFolder } from "./paths.ts";

/** Packages unpacked into one folder of the cache; nothing is installed on the machine. */
export interface ServerTree {
  readonly folder: string;
  /** For LD_LIBRARY_PATH: the folders of the unpacked libraries. */
  readonly libraryPath: string;
}

/** Gives the tree `name` from the cache, or fetches its packages with `download` and unpacks them first. */
export async function serverTree(name: string, download: (apt: PrivateApt) => Promise<string[]>): Promise<ServerTree> {
  const folder = join(cacheFolder, "servers", name);
  await withLock(`${folder}.lock`, async () => {
    if (!(await stat(folder).catch(() => undefined))) await unpack(folder, name, download);
  });
  const multiarch = (await readdir(join(folder, "usr/lib")).catch(() => [])).filter((entry) =>
    entry.endsWith("-linux-gnu"),
  );
  const places = ["usr/lib", "lib"].flatMap((base) => multiarch.map((entry) => join(folder, base, entry)));
  const inner = await Promise.all(places.map(foldersOfLibraries));
  return { folder, libraryPath: [...places, ...inner.flat()].join(":") };
}

// Some packages keep libraries of their own one folder deeper, where an installed system finds them by other means.
async function foldersOfLibraries(place: string): Promise<string[]> {
  const entries = await readdir(place, { withFileTypes: true }).catch(() => []);
  const folders = entries.filter((entry) => entry.isDirectory()).map((entry) => join(place, entry.name));
  const held = await Promise.all(
    folders.map(async (folder) => (await readdir(folder)).some((name) => /^lib.*\.so(\.|$)/.test(name))),
  );
  return folders.filter((_, index) => held[index]);
}

async function unpack(folder: string, name: string, download: (apt: PrivateApt) => Promise<string[]>): Promise<void> {
  const onProgress = (sentence: string): void => console.log(`testbed: ${sentence}`);
  const apt = await openPrivateApt({ folder: join(cacheFolder, "apt"), onProgress });
  onProgress(`fetching ${name} (unpacked into the cache, not installed) …`);
  const debs = await download(apt);
  const draft = `${folder}.draft`;
  await rm(draft, { recursive: true, force: true });
  await mkdir(draft, { recursive: true });
  for (const deb of debs) await run("dpkg-deb", ["-x", deb, draft]);
  for (const deb of debs) await rm(deb, { force: true });
  await rename(draft, folder);
}
