import { readFile, readlink } from "node:fs/promises";
import { join } from "node:path";
import type { Clock } from "../clock.ts";

/** A PostgreSQL server that is running on a cluster, found by its postmaster.pid. */
export interface Postmaster {
  pid: number;
  port: number;
  socketFolder: string;
}

/** The server that runs on the cluster, or undefined. A pid that was given to another program is not taken for it. */
export async function findPostmaster(cluster: string): Promise<Postmaster | undefined> {
  const text = await readFile(join(cluster, "postmaster.pid"), "utf8").catch(() => undefined);
  if (text === undefined) return undefined;
  // Lines: pid, data directory, start time, port, socket folder, listen address, …
  const [pidText, , , portText, folder] = text.split("\n");
  const pid = Math.abs(Number(pidText));
  if (!Number.isInteger(pid) || pid === 0 || !(await worksIn(pid, cluster))) return undefined;
  return { pid, port: Number(portText), socketFolder: folder ?? "" };
}

// The postmaster's working directory is its cluster.
async function worksIn(pid: number, cluster: string): Promise<boolean> {
  const folder = await readlink(`/proc/${pid}/cwd`).catch(() => undefined);
  return folder === cluster;
}

// A fast shutdown writes one checkpoint; slow disks need their time. After it, the server is told to drop everything:
// that loses nothing that was committed, the next start replays the log.
const FAST_SHUTDOWN_MS = 30_000;
const IMMEDIATE_SHUTDOWN_MS = 10_000;
const POLL_MS = 20;

/** Ends a server and waits until it is gone. Throws if it survives. */
export async function stopPostmaster(pid: number, cluster: string, clock: Clock): Promise<void> {
  for (const [signal, patienceMs] of [
    ["SIGINT", FAST_SHUTDOWN_MS],
    ["SIGQUIT", IMMEDIATE_SHUTDOWN_MS],
  ] as const) {
    // The number may belong to another program by now.
    if (!(await worksIn(pid, cluster)) || !signalProcess(pid, signal)) return;
    const untilMs = clock.monotonicMs() + patienceMs;
    while (clock.monotonicMs() < untilMs) {
      if (!(await worksIn(pid, cluster))) return;
      await clock.sleep(POLL_MS);
    }
  }
  throw new Error(`the PostgreSQL server with pid ${pid} does not stop`);
}

function signalProcess(pid: number, signal: NodeJS.Signals): boolean {
  try {
    process.kill(pid, signal);
    return true;
  } catch {
    return false;
  }
}
