import { readFileSync } from "node:fs";
import { HOST_COLUMNS, type HostColumn, quantized } from "@windflow/core";
import type { Sample } from "./column-buffer.ts";
import { createRateMeter } from "./rates.ts";

/** The step in which history is kept. Each look is 95 bytes on the link: 27 kB a day, where each 15 s it would be 545. */
const LOOK_EVERY_MS = 300_000;
/** Looks come with samples, which timers do not let come to the millisecond. */
const SLACK_MS = 2_500;
/** Finer steps of memory nobody reads, and they would be most of what travels. */
const MEMORY_STEP_BYTES = 65_536;
const MICROSECONDS = 1e6;

/** What the agent has taken of this host so far; counters only grow while it runs. */
export interface OwnUsage {
  readonly cpuSeconds: number;
  /** Written by it and shared with no other: what only its end would give back. Its program's own pages are none of it. */
  readonly privateBytes: number;
  readonly residentBytes: number;
}

export interface OwnUsageParts {
  /** Bytes of the connection to the control plane, TLS included, without headers of TCP. */
  wireBytes(): { readonly in: number; readonly out: number };
  /** Disk that what waits to be sent takes. */
  spoolBytes(): number;
}

/** Reads what the agent itself takes. */
export interface OwnUsageSampler {
  /** Empty but for one look in five minutes, the first at once. */
  sample(atMs: number): Sample;
}

export function createOwnUsageSampler(parts: OwnUsageParts): OwnUsageSampler {
  const meter = createRateMeter();
  let lookedAt = Number.NEGATIVE_INFINITY;
  return {
    sample: (atMs) => {
      const sample = new Map<string, number>();
      // A clock that was set back must not end it.
      if (Math.abs(atMs - lookedAt) < LOOK_EVERY_MS - SLACK_MS) return sample;
      lookedAt = atMs;
      const usage = ownUsage();
      const wire = parts.wireBytes();
      const inSteps = (bytes: number): number => Math.round(bytes / MEMORY_STEP_BYTES) * MEMORY_STEP_BYTES;
      set(sample, "agent_cpu_ratio", meter.rate("cpu", usage.cpuSeconds, atMs));
      set(sample, "agent_memory_bytes", inSteps(usage.privateBytes));
      set(sample, "agent_resident_bytes", inSteps(usage.residentBytes));
      set(sample, "agent_spool_bytes", inSteps(parts.spoolBytes()));
      set(sample, "agent_receive_bytes_per_second", meter.rate("in", wire.in, atMs));
      set(sample, "agent_transmit_bytes_per_second", meter.rate("out", wire.out, atMs));
      meter.sweep();
      return sample;
    },
  };
}

/** NaN where the kernel does not say it. */
export function ownUsage(): OwnUsage {
  const { user, system } = process.cpuUsage();
  // It walks the page tables: about a millisecond.
  const rollup = textOf("/proc/self/smaps_rollup");
  const kilobytes = (name: string): number => {
    const match = new RegExp(`^${name}: +(\\d+) kB$`, "m").exec(rollup);
    return match === null ? Number.NaN : Number(match[1]) * 1024;
  };
  return {
    cpuSeconds: (user + system) / MICROSECONDS,
    privateBytes: kilobytes("Private_Dirty") + kilobytes("Swap"),
    residentBytes: process.memoryUsage.rss(),
  };
}

function textOf(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

function set(sample: Map<string, number>, column: HostColumn, value: number): void {
  if (!Number.isNaN(value)) sample.set(column, quantized(HOST_COLUMNS[column].unit, value));
}
