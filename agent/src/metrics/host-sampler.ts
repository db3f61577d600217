import { readFileSync, readdirSync } from "node:fs";
import { statfs } from "node:fs/promises";
import { HOST_COLUMNS, type HostColumn, quantized } from "@windflow/core";
import type { Sample } from "./column-buffer.ts";
import {
  type CpuTimes,
  localMounts,
  parseCpuTimes,
  parseDiskstats,
  parseLoad,
  parseMeminfo,
  parseNetDev,
  parseUptime,
} from "./host-text.ts";
import { createRateMeter } from "./rates.ts";

/** Made by engines and hypervisors, one a container: thousands of columns that say nothing of the host. */
const INNER_INTERFACE = /^(lo$|veth|docker|br-|virbr|cni|flannel|cali|podman|tunl|sit|ifb|dummy)/;
const INNER_DISK = /^(loop|ram|zram|fd|sr)/;
/** A machine with more devices than this is watched by its sums elsewhere. */
const MAX_DEVICES = 16;

/** Reads the host's figures from /proc; starts no process. */
export interface HostSampler {
  sample(atMs: number): Promise<Sample>;
}

export function createHostSampler(): HostSampler {
  const meter = createRateMeter();
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
    const wholeDisks = new Set(
      readdirSync("/sys/block")
        .filter((name) => !INNER_DISK.test(name))
        .slice(0, MAX_DEVICES),
    );
    for (const [name, bytes] of parseDiskstats(read("/proc/diskstats"))) {
      if (!wholeDisks.has(name)) continue;
      set(sample, "disk_read_bytes_per_second", meter.rate(`read:${name}`, bytes.in, atMs), name);
      set(sample, "disk_write_bytes_per_second", meter.rate(`write:${name}`, bytes.out, atMs), name);
    }
    const interfaces = [...parseNetDev(read("/proc/net/dev"))].filter(([name]) => !INNER_INTERFACE.test(name));
    for (const [name, bytes] of interfaces.slice(0, MAX_DEVICES)) {
      set(sample, "network_receive_bytes_per_second", meter.rate(`in:${name}`, bytes.in, atMs), name);
      set(sample, "network_transmit_bytes_per_second", meter.rate(`out:${name}`, bytes.out, atMs), name);
    }
    meter.sweep();
  };

  return {
    sample: async (atMs) => {
      const sample = new Map<string, number>();
      cpu(sample);
      memory(sample);
      rates(sample, atMs);
      set(sample, "load_1m", parseLoad(read("/proc/loadavg")));
      set(sample, "uptime_seconds", parseUptime(read("/proc/uptime")));
      await disks(sample);
      return sample;
    },
  };
}

function memory(sample: Map<string, number>): void {
  const fields = parseMeminfo(read("/proc/meminfo"));
  const total = fields.get("MemTotal") ?? Number.NaN;
  set(sample, "memory_total_bytes", total);
  set(sample, "memory_used_bytes", total - (fields.get("MemAvailable") ?? Number.NaN));
  set(sample, "swap_used_bytes", (fields.get("SwapTotal") ?? 0) - (fields.get("SwapFree") ?? 0));
}

async function disks(sample: Map<string, number>): Promise<void> {
  for (const mount of localMounts(read("/proc/self/mounts"))) {
    // A file system may be unmounted between the list and the look.
    const figures = await statfs(mount).catch(() => undefined);
    if (figures === undefined || figures.blocks === 0) continue;
    set(sample, "disk_total_bytes", figures.blocks * figures.bsize, mount);
    set(sample, "disk_used_bytes", (figures.blocks - figures.bfree) * figures.bsize, mount);
  }
}

function set(sample: Map<string, number>, column: HostColumn, value: number, device?: string): void {
  if (Number.isNaN(value)) return;
  sample.set(device === undefined ? column : `${column}:${device}`, quantized(HOST_COLUMNS[column].unit, value));
}

function read(path: string): string {
  return readFileSync(path, "utf8");
}
