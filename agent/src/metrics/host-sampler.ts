import { type StatsFs, readFileSync, readdirSync, statSync, statfsSync } from "node:fs";
import { HOST_COLUMNS, type HostColumn, quantized } from "@windflow/core";
import {
  type CpuTimes,
  localMounts,
  memoryField,
  parseCpuTimes,
  parseDiskstats,
  parseLoad,
  parseNetDev,
  parseUptime,
} from "./host-text.ts";
import { createRateMeter } from "./rates.ts";

/** With fifty containers the kernel takes a millisecond to write the list: each 5 s it would be a tenth of what the agent takes. */
const MOUNTS_EVERY_MS = 30_000;
const INNER_DISK = /^(loop|ram|zram|fd|sr)/;
/** A machine with more devices than this is watched by its sums elsewhere. */
const MAX_DEVICES = 16;

/** Reads the host's figures from /proc; starts no process. */
export interface HostSampler {
  sample(atMs: number): Map<string, number>;
}

export function createHostSampler(): HostSampler {
  const meter = createRateMeter();
  const mounts = createMountList();
  const wholeDisks = createWholeDisks();
  let lastCpu: CpuTimes | undefined;

  const cpu = (sample: Map<string, number>): void => {
    const now = parseCpuTimes(read("/proc/stat"));
    const last = lastCpu;
    lastCpu = now;
    const total = last === undefined ? 0 : now.total - last.total;
    if (last === undefined || total <= 0) return;
    const share = (part: "idle" | "iowait" | "steal"): number =>
      Math.min(1, Math.max(0, (now[part] - last[part]) / total));
    set(sample, "cpu_used_ratio", Math.max(0, 1 - share("idle") - share("iowait")));
    set(sample, "cpu_iowait_ratio", share("iowait"));
    set(sample, "cpu_steal_ratio", share("steal"));
  };
  const rates = (sample: Map<string, number>, atMs: number): void => {
    const disks = parseDiskstats(read("/proc/diskstats"));
    for (const name of wholeDisks.among(disks)) {
      const bytes = disks.get(name);
      if (bytes === undefined) continue;
      set(sample, "disk_read_bytes_per_second", meter.rate(`read:${name}`, bytes.in, atMs), name);
      set(sample, "disk_write_bytes_per_second", meter.rate(`write:${name}`, bytes.out, atMs), name);
    }
    const interfaces = [...parseNetDev(read("/proc/net/dev"))];
    for (const [name, bytes] of interfaces.slice(0, MAX_DEVICES)) {
      set(sample, "network_receive_bytes_per_second", meter.rate(`in:${name}`, bytes.in, atMs), name);
      set(sample, "network_transmit_bytes_per_second", meter.rate(`out:${name}`, bytes.out, atMs), name);
    }
    meter.sweep();
  };

  return {
    sample: (atMs) => {
      const sample = new Map<string, number>();
      cpu(sample);
      memory(sample);
      rates(sample, atMs);
      set(sample, "load_1m", parseLoad(read("/proc/loadavg")));
      set(sample, "uptime_seconds", parseUptime(read("/proc/uptime")));
      fileSystems(sample, mounts(atMs));
      return sample;
    },
  };
}

function memory(sample: Map<string, number>): void {
  const text = read("/proc/meminfo");
  const total = memoryField(text, "MemTotal");
  set(sample, "memory_total_bytes", total);
  set(sample, "memory_used_bytes", total - memoryField(text, "MemAvailable"));
  set(sample, "swap_used_bytes", memoryField(text, "SwapTotal") - memoryField(text, "SwapFree"));
}

/** Mount points of local file systems. A new one is found by its time, one that is gone at once: behind its name is another device. */
function createMountList(): (atMs: number) => readonly string[] {
  let mounts: readonly { readonly path: string; readonly device: number | undefined }[] = [];
  let readAt = Number.NEGATIVE_INFINITY;
  return (atMs) => {
    // A clock that was set back must not end it.
    const isDue = Math.abs(atMs - readAt) >= MOUNTS_EVERY_MS;
    if (isDue || mounts.some(({ path, device }) => deviceOf(path) !== device)) {
      mounts = localMounts(read("/proc/self/mounts")).map((path) => ({ path, device: deviceOf(path) }));
      readAt = atMs;
    }
    return mounts.map(({ path }) => path);
  };
}

function deviceOf(path: string): number | undefined {
  try {
    return statSync(path).dev;
  } catch {
    return undefined;
  }
}

/** Names of disks that are no part of another. The kernel says that elsewhere than what they do; asked when a device comes or goes. */
function createWholeDisks(): { among(devices: ReadonlyMap<string, unknown>): readonly string[] } {
  let known: ReadonlySet<string> | undefined;
  let whole: readonly string[] = [];
  return {
    among: (devices) => {
      if (known?.size !== devices.size || [...devices.keys()].some((name) => known?.has(name) !== true)) {
        known = new Set(devices.keys());
        whole = readdirSync("/sys/block")
          .filter((name) => !INNER_DISK.test(name))
          .slice(0, MAX_DEVICES);
      }
      return whole;
    },
  };
}

function fileSystems(sample: Map<string, number>, mounts: readonly string[]): void {
  for (const mount of mounts) {
    const figures = figuresOf(mount);
    if (figures === undefined || figures.blocks === 0) continue;
    set(sample, "disk_total_bytes", figures.blocks * figures.bsize, mount);
    set(sample, "disk_used_bytes", (figures.blocks - figures.bfree) * figures.bsize, mount);
  }
}

/** Of a local file system it is in memory: waiting for a thread would cost more than asking. */
function figuresOf(mount: string): StatsFs | undefined {
  try {
    return statfsSync(mount);
  } catch {
    // Unmounted between the list and the look.
    return undefined;
  }
}

function set(sample: Map<string, number>, column: HostColumn, value: number, device?: string): void {
  if (Number.isNaN(value)) return;
  sample.set(device === undefined ? column : `${column}:${device}`, quantized(HOST_COLUMNS[column].unit, value));
}

function read(path: string): string {
  return readFileSync(path, "utf8");
}
