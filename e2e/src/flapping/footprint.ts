import { readFileSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";

/** What the agent holds at a time. */
export interface Footprint {
  readonly privateBytes: number;
  /** Files, sockets, pipes. */
  readonly descriptors: number;
  readonly threads: number;
  readonly spoolBytes: number;
  readonly logBytes: number;
  /** Everything else in its state folder. */
  readonly stateBytes: number;
}

export function footprintOf(pid: number, stateFolder: string): Footprint {
  const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, "utf8");
  const sizes = readdirSync(stateFolder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => ({ path: join(entry.parentPath, entry.name).slice(stateFolder.length + 1) }))
    .map(({ path }) => ({ path, bytes: statSync(join(stateFolder, path), { throwIfNoEntry: false })?.size ?? 0 }));
  const sum = (wanted: (path: string) => boolean): number =>
    sizes.filter(({ path }) => wanted(path)).reduce((total, { bytes }) => total + bytes, 0);
  const isSpool = (path: string): boolean => path.startsWith("spool/");
  const isLog = (path: string): boolean => path.startsWith("agent.log");
  return {
    privateBytes: Number(/^Private_Dirty: +(\d+) kB$/m.exec(rollup)?.[1] ?? Number.NaN) * 1024,
    descriptors: readdirSync(`/proc/${pid}/fd`).length,
    threads: readdirSync(`/proc/${pid}/task`).length,
    spoolBytes: sum(isSpool),
    logBytes: sum(isLog),
    stateBytes: sum((path) => !isSpool(path) && !isLog(path)),
  };
}
