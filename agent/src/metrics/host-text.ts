// Readers of the kernel's texts about load, memory, disks and networks. Pure.

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

/** Fields of /proc/meminfo in bytes. */
export function parseMeminfo(text: string): Map<string, number> {
  const fields = new Map<string, number>();
  for (const match of text.matchAll(/^(\w+):\s+(\d+) kB$/gm)) fields.set(match[1] ?? "", Number(match[2]) * 1024);
  return fields;
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

/** /proc/diskstats, one entry a device. */
export function parseDiskstats(text: string): Map<string, ByteCounters> {
  const disks = new Map<string, ByteCounters>();
  for (const line of text.split("\n")) {
    const fields = line.trim().split(/\s+/);
    const name = fields[2];
    if (name === undefined) continue;
    disks.set(name, { in: Number(fields[5]) * SECTOR_BYTES, out: Number(fields[9]) * SECTOR_BYTES });
  }
  return disks;
}

/** /proc/net/dev, one entry an interface. */
export function parseNetDev(text: string): Map<string, ByteCounters> {
  const interfaces = new Map<string, ByteCounters>();
  for (const match of text.matchAll(/^\s*([^\s:]+):\s*(.+)$/gm)) {
    const fields = (match[2] ?? "").split(/\s+/).map(Number);
    interfaces.set(match[1] ?? "", { in: fields[0] ?? 0, out: fields[8] ?? 0 });
  }
  return interfaces;
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
