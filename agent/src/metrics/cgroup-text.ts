// Where a container's control groups are, and what their files say. Pure.
import { lineAfter } from "./line-after.ts";

/** A mounted hierarchy. */
export interface CgroupMount {
  readonly version: 1 | 2;
  readonly mountPoint: string;
  /** Path of the group that is seen as the top of this mount. */
  readonly root: string;
  /** Controllers of a version 1 hierarchy. */
  readonly controllers: readonly string[];
}

/** The cgroup lines of /proc/self/mountinfo. */
export function parseCgroupMounts(mountinfo: string): CgroupMount[] {
  return mountinfo.split("\n").flatMap((line): CgroupMount[] => {
    const [before = "", after = ""] = line.split(" - ");
    const [, , , root = "", mountPoint = ""] = before.split(" ");
    const [type = "", , options = ""] = after.split(" ");
    if (type === "cgroup2") return [{ version: 2, mountPoint, root, controllers: [] }];
    return type === "cgroup" ? [{ version: 1, mountPoint, root, controllers: options.split(",") }] : [];
  });
}

/**
 * Folder of a process's group for one controller; undefined where neither version has it.
 * @param procCgroup /proc/PID/cgroup of the process.
 */
export function cgroupFolder(
  mounts: readonly CgroupMount[],
  procCgroup: string,
  controller: string,
): { version: 1 | 2; folder: string } | undefined {
  for (const line of procCgroup.split("\n")) {
    const match = /^\d+:([^:]*):(.*)$/.exec(line);
    if (match === null) continue;
    const [, names = "", path = ""] = match;
    if (!names.split(",").includes(controller)) continue;
    const mount = mounts.find((candidate) => candidate.version === 1 && candidate.controllers.includes(controller));
    if (mount !== undefined) return { version: 1, folder: below(mount, path) };
  }
  const unified = /^0::(.*)$/m.exec(procCgroup)?.[1];
  const mount = mounts.find((candidate) => candidate.version === 2);
  return unified === undefined || mount === undefined ? undefined : { version: 2, folder: below(mount, unified) };
}

function below(mount: CgroupMount, path: string): string {
  const inside = mount.root !== "/" && path.startsWith(mount.root) ? path.slice(mount.root.length) : path;
  return `${mount.mountPoint}${inside}`;
}

/** One field of a file with a name and a number on each line. */
export function statField(text: string, name: string): number | undefined {
  const value = lineAfter(text, `${name} `);
  return value === undefined ? undefined : Number(value);
}

/** Bytes read and written in version 1's `Read`/`Write` lines a device. */
export function blkioBytes(text: string): { in: number; out: number } {
  return { in: sumAfter(text, " Read "), out: sumAfter(text, " Write ") };
}

/** Bytes read and written in version 2's `rbytes=`/`wbytes=` fields. */
export function ioStatBytes(text: string): { in: number; out: number } {
  return { in: sumAfter(text, " rbytes="), out: sumAfter(text, " wbytes=") };
}

/** Of a number of 64 bits. */
const MAX_DIGITS = 20;

function sumAfter(text: string, mark: string): number {
  let sum = 0;
  for (let at = text.indexOf(mark); at >= 0; at = text.indexOf(mark, at + mark.length))
    sum += Number.parseInt(text.slice(at + mark.length, at + mark.length + MAX_DIGITS), 10);
  return sum;
}

/** Version 1 writes "no limit" as the largest multiple of a page; no machine has a tenth of it. */
const UNLIMITED = 2 ** 60;

/** A limit file of either version; undefined without a limit. */
export function limitBytes(text: string): number | undefined {
  const value = Number.parseInt(text, 10);
  return value < UNLIMITED ? value : undefined;
}
