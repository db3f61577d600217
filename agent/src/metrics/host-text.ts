// Readers of the kernel's texts about load, memory, disks and networks. Pure.
import { lineAfter } from "./line-after.ts";

/** Jiffies since boot, over all processors. */
export interface CpuTimes {
  readonly idle: number;
  readonly iowait: number;
  readonly steal: number;
  readonly total: number;
}

/** First line of /proc/stat. Guest time is inside user time already. */
export function parseCpuTimes(stat: string): CpuTimes {
  const [user = 0, nice = 0, system = 0, idle = 0, iowait = 0, irq = 0, softirq = 0, steal = 0] = stat
    .slice(0, stat.indexOf("\n"))
    .split(/\s+/)
    .slice(1)
    .map(Number);
  return { idle, iowait, steal, total: user + nice + system + idle + iowait + irq + softirq + steal };
}

/** One field of /proc/meminfo in bytes; NaN where the kernel has none of that name. */
export function memoryField(meminfo: string, name: string): number {
  // "        1000 kB"
  return Number.parseInt(lineAfter(meminfo, `${name}:`) ?? "", 10) * 1024;
}

/** A pair of counters of bytes that only grow. */
export interface ByteCounters {
  /** Read, or received. */
  readonly in: number;
  /** Written, or sent. */
  readonly out: number;
}

/** The kernel counts in these whatever the disk's own sectors are. */
const SECTOR_BYTES = 512;

/** One line of /proc/diskstats: the name, sectors read, sectors written. */
const DISK = /^\s*\d+\s+\d+\s+(\S+)\s+\d+\s+\d+\s+(\d+)\s+\d+\s+\d+\s+\d+\s+(\d+)/gm;

/** /proc/diskstats, one entry a device. */
export function parseDiskstats(text: string): Map<string, ByteCounters> {
  const disks = new Map<string, ByteCounters>();
  for (const match of text.matchAll(DISK))
    disks.set(match[1] ?? "", { in: Number(match[2]) * SECTOR_BYTES, out: Number(match[3]) * SECTOR_BYTES });
  return disks;
}

/** The fields of a line of /proc/net/dev: the first of eight of what was received, the first of those of what was sent. */
const INTERFACE_FIELDS = String.raw`(\d+)(?:\s+\d+){7}\s+(\d+)`;
/** Made by engines and hypervisors, one a container: thousands of columns that say nothing of the host. */
const INNER_INTERFACES = "lo:|veth|docker|br-|virbr|cni|flannel|cali|podman|tunl|sit|ifb|dummy";
/** Of whole lines, so that those of fifty containers are passed over where texts are searched and not one by one. */
const OUTER_INTERFACE = new RegExp(String.raw`^\s*(?!${INNER_INTERFACES})([^\s:]+):\s*${INTERFACE_FIELDS}`, "gm");
const OTHER_THAN_LOOPBACK = new RegExp(String.raw`^\s*(?!lo:)([^\s:]+):\s*${INTERFACE_FIELDS}`, "gm");

/** /proc/net/dev of a host, one entry an interface that is not of an engine's or hypervisor's making. */
export function parseNetDev(text: string): Map<string, ByteCounters> {
  const interfaces = new Map<string, ByteCounters>();
  for (const match of text.matchAll(OUTER_INTERFACE))
    interfaces.set(match[1] ?? "", { in: Number(match[2]), out: Number(match[3]) });
  return interfaces;
}

/** /proc/net/dev of a container: all of its interfaces together, but for loopback. */
export function sumNetDev(text: string): ByteCounters {
  const sums = { in: 0, out: 0 };
  for (const match of text.matchAll(OTHER_THAN_LOOPBACK)) {
    sums.in += Number(match[2]);
    sums.out += Number(match[3]);
  }
  return sums;
}

export function parseLoad(text: string): number {
  return Number(text.split(" ")[0]);
}

/** Seconds since boot. */
export function parseUptime(text: string): number {
  return Number(text.split(" ")[0]);
}

/** Asking one of these cannot hang; a dead NFS server would hold statfs, and with it the sampler, for ever. */
const LOCAL_FILE_SYSTEMS: ReadonlySet<string> = new Set([
  "ext2",
  "ext3",
  "ext4",
  "xfs",
  "btrfs",
  "zfs",
  "f2fs",
  "vfat",
  "jfs",
  "bcachefs",
  "reiserfs",
  "exfat",
]);
/** What engines and packages mount for themselves. */
const INNER_MOUNT = /^\/(snap|run|var\/lib\/(docker|containers|containerd|kubelet))(\/|$)/;
/** More file systems than this nobody watches one by one. */
const MAX_MOUNTS = 16;

/** Mount points of local file systems in /proc/self/mounts, each device once; the root always. */
export function localMounts(mounts: string): string[] {
  const byDevice = new Map<string, string>();
  for (const line of mounts.split("\n")) {
    const [device = "", escaped = "", type = ""] = line.split(" ");
    const path = escaped.replaceAll(/\\(\d{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
    if (path === "" || INNER_MOUNT.test(path)) continue;
    if (path !== "/" && !LOCAL_FILE_SYSTEMS.has(type)) continue;
    const known = byDevice.get(device);
    if (known === undefined || path.length < known.length) byDevice.set(device, path);
  }
  return [...new Set(byDevice.values())].toSorted().slice(0, MAX_MOUNTS);
}
