import { chmod, mkdir, mkdtemp, readFile, readdir, rm, rmdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { isAlive } from "@windflow/installer";

// Short on purpose: engines put unix sockets below it, and those end at 108 bytes.
const BASE = "/tmp/windflow-testbed";

/**
 * A new folder for one engine or host of this process. Folders of processes that are gone (recorded by id and start
 * time) are removed first, with the cgroups that they left; processes cannot be left over, for they die with their maker.
 */
export async function newRunFolder(kind: string): Promise<string> {
  await mkdir(BASE, { recursive: true, mode: 0o711 });
  await sweep();
  const folder = await mkdtemp(join(BASE, `${kind}-`));
  // Servers that run as another user have to pass through.
  await chmod(folder, 0o711);
  await writeFile(join(folder, "owner"), `${process.pid} ${await startTimeOf(process.pid)}`);
  return folder;
}

/** Removes a run's folder and the cgroups of its containers. */
export async function removeRunFolder(folder: string): Promise<void> {
  await removeCgroups(cgroupOf(folder));
  await rm(folder, { recursive: true, force: true, maxRetries: 5 });
}

/** The parent cgroup that belongs to a run folder, as dockerd's --cgroup-parent. */
export function cgroupOf(folder: string): string {
  return `/wf-${folder.slice(BASE.length + 1)}`;
}

async function sweep(): Promise<void> {
  for (const name of await readdir(BASE)) {
    const folder = join(BASE, name);
    const [pid, startTime] = (await readFile(join(folder, "owner"), "utf8").catch(() => "")).split(" ");
    if (pid === undefined || startTime === undefined) continue;
    if (isAlive(Number(pid)) && (await startTimeOf(Number(pid))) === startTime) continue;
    await removeRunFolder(folder).catch(() => undefined);
  }
}

// Field 22 of proc(5)'s stat, in clock ticks after boot: with the id it names a process for good.
async function startTimeOf(pid: number): Promise<string> {
  const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "");
  return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? "";
}

// A cgroup is removed from its leaves; with cgroup v1 it exists once in each controller's tree.
async function removeCgroups(path: string): Promise<void> {
  const controllers = await readdir("/sys/fs/cgroup").catch(() => []);
  for (const root of ["", ...controllers]) await removeTree(join("/sys/fs/cgroup", root, path));
}

async function removeTree(folder: string): Promise<void> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  for (const entry of entries) if (entry.isDirectory()) await removeTree(join(folder, entry.name));
  await rmdir(folder).catch(() => undefined);
}
