import { readFileSync } from "node:fs";
import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

const LOCK_POLL_MS = 200;
// A lock folder without an owner is one whose maker died between two system calls, or is about to write it.
const OWNERLESS_POLLS = 25;

/** Whether a process with this id runs now (in this pid namespace). One that has ended and that nobody has waited for does not. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
  return !isZombie(pid);
}

// In a container whose first process takes no care of orphans they stay for ever.
function isZombie(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // `pid (name) state …`; the name may hold anything, also a parenthesis.
    return stat.slice(stat.lastIndexOf(")") + 2).startsWith("Z");
  } catch {
    return false;
  }
}

/**
 * Runs `work` while holding the lock folder `path`, across processes. A lock whose owner died is taken over: it is moved
 * aside first, so that of two processes that both see it dead only one goes on.
 */
export async function withLock<T>(path: string, work: () => Promise<T>): Promise<T> {
  await mkdir(dirname(path), { recursive: true });
  await take(path);
  try {
    return await work();
  } finally {
    await rm(path, { recursive: true, force: true });
  }
}

async function take(path: string): Promise<void> {
  let ownerless = 0;
  for (;;) {
    try {
      await mkdir(path);
      await writeFile(`${path}/owner`, String(process.pid));
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    }
    const owner = Number(await readFile(`${path}/owner`, "utf8").catch(() => ""));
    ownerless = owner > 0 ? 0 : ownerless + 1;
    if ((owner > 0 && !isAlive(owner)) || ownerless > OWNERLESS_POLLS) {
      await setAside(path);
      ownerless = 0;
      continue;
    }
    await sleep(LOCK_POLL_MS);
  }
}

async function setAside(path: string): Promise<void> {
  const aside = `${path}.dead-${process.pid}`;
  try {
    await rename(path, aside);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return;
    throw error;
  }
  await rm(aside, { recursive: true, force: true });
}
