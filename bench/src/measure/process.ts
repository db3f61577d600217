import { execFileSync } from "node:child_process";
import { readFileSync, readdirSync } from "node:fs";

const ticksPerSecond = Number(execFileSync("getconf", ["CLK_TCK"], { encoding: "utf8" }));

/** Seconds of processor of this one process, its threads included, ended children not. */
export function ownProcessorSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  // Fields of proc(5)'s stat after the name: 12 and 13 are the time in user and kernel mode, in ticks.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
}

/** Seconds of processor of the threads that this one process has now, to the nanosecond: for what takes less than a tick. */
export function scheduledSeconds(pid: number): number {
  const threads = readdirSync(`/proc/${pid}/task`);
  const nanoseconds = threads.map((id) =>
    Number(readFileSync(`/proc/${pid}/task/${id}/schedstat`, "utf8").split(" ")[0]),
  );
  return nanoseconds.reduce((sum, one) => sum + one, 0) / 1e9;
}

export interface ProcessMemory {
  readonly residentBytes: number;
  /** Its share of what it has in common with others, and all of its own. */
  readonly proportionalBytes: number;
  /** Written by it and shared with no other: what only its end gives back. Its program's own pages are none of it. */
  readonly privateBytes: number;
}

export function memoryOf(pid: number): ProcessMemory {
  const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, "utf8");
  const bytes = (name: string): number =>
    Number(new RegExp(`^${name}: +(\\d+) kB$`, "m").exec(rollup)?.[1] ?? Number.NaN) * 1024;
  return {
    residentBytes: bytes("Rss"),
    proportionalBytes: bytes("Pss"),
    privateBytes: bytes("Private_Dirty") + bytes("Swap"),
  };
}

/** Resident memory in kB. */
export function residentKb(pid: number): number {
  const line = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"));
  return Number(line?.[1] ?? Number.NaN);
}

/** Connections that this network namespace has refused because a queue of a listening socket was full. */
export function listenOverflows(): number {
  const lines = readFileSync("/proc/net/netstat", "utf8")
    .split("\n")
    .filter((line) => line.startsWith("TcpExt:"))
    .map((line) => line.split(" "));
  const [names = [], values = []] = lines;
  return Number(values[names.indexOf("ListenOverflows")] ?? Number.NaN);
}
