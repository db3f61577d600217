import { existsSync } from "node:fs";
import { join } from "node:path";
import type { ContainerFigures } from "../engines/streams-engine.ts";
import {
  type CgroupMount,
  blkioBytes,
  cgroupFolder,
  ioStatBytes,
  limitBytes,
  parseCgroupMounts,
  statField,
} from "./cgroup-text.ts";
import { sumNetDev } from "./host-text.ts";
import { type KernelFile, findKernelFile, openKernelFile, textIfThere } from "./kernel-file.ts";

const NANOSECONDS_PER_MICROSECOND = 1_000;
/** Limits are changed by hand: with a look each 15 s one that was is seen within a minute. */
const LOOKS_PER_LIMIT = 4;

/** Reads one container's figures from its control groups, in a twentieth of a millisecond. */
export interface CgroupReader {
  /** undefined when the groups are gone: the container has ended, or was started again with new ones of the same name. */
  read(): ContainerFigures | undefined;
  close(): void;
}

export interface CgroupReaderParts {
  readonly mounts: readonly CgroupMount[];
  readonly containerId: string;
  /** The container's first process, as the engine names it. */
  readonly pid: number;
  /** Keeps its files open: five descriptors, and 20 kB of the kernel's memory. */
  readonly keepOpen: boolean;
}

/** Mounts of the control groups on this machine. */
export function cgroupMounts(): CgroupMount[] {
  return parseCgroupMounts(textIfThere("/proc/self/mountinfo") ?? "");
}

/** @returns undefined when that process is not of this container here: the engine may live in another process namespace. */
export function openCgroupReader({ mounts, containerId, pid, keepOpen }: CgroupReaderParts): CgroupReader | undefined {
  const procCgroup = pid > 0 ? (textIfThere(`/proc/${pid}/cgroup`) ?? "") : "";
  if (!procCgroup.includes(containerId)) return undefined;
  const place = (controller: string, v1: string, v2: string): Place | undefined => {
    const found = cgroupFolder(mounts, procCgroup, controller);
    if (found === undefined) return undefined;
    const path = join(found.folder, found.version === 1 ? v1 : v2);
    return existsSync(path) ? { version: found.version, path } : undefined;
  };
  const usage = place("memory", "memory.usage_in_bytes", "memory.current");
  const memory = place("memory", "memory.stat", "memory.stat");
  const limit = place("memory", "memory.limit_in_bytes", "memory.max");
  const cpu = place("cpuacct", "cpuacct.usage", "cpu.stat");
  const io = place("blkio", "blkio.throttle.io_service_bytes", "io.stat");
  const pids = place("pids", "pids.current", "pids.current");
  if (usage === undefined || memory === undefined || cpu === undefined) return undefined;

  const opened: KernelFile[] = [];
  const close = (): void => {
    for (const file of opened.splice(0)) file.close();
  };
  const open = ({ path }: Place): KernelFile => {
    const file = keepOpen ? openKernelFile(path) : findKernelFile(path);
    opened.push(file);
    return file;
  };
  try {
    const inactive = memory.version === 1 ? "total_inactive_file" : "inactive_file";
    const usageFile = open(usage);
    const memoryFile = open(memory);
    const cpuFile = open(cpu);
    const ioFile = io && open(io);
    const pidsFile = pids && open(pids);
    const network = `/proc/${pid}/net/dev`;
    let looks = 0;
    let memoryLimitBytes: number | undefined;
    return {
      read: () => {
        const used = usageFile.read();
        const detail = memoryFile.read();
        const time = cpuFile.read();
        const nanoseconds = time === undefined ? undefined : nanosecondsOf(cpu.version, time);
        if (used === undefined || detail === undefined || nanoseconds === undefined) return undefined;
        if (looks++ % LOOKS_PER_LIMIT === 0) memoryLimitBytes = limitBytes((limit && textIfThere(limit.path)) ?? "");
        const moved = ioFile?.read() ?? "";
        const blocks = io?.version === 1 ? blkioBytes(moved) : ioStatBytes(moved);
        // Not kept open: it would keep the network of a container that has ended.
        const bytes = sumNetDev(textIfThere(network) ?? "");
        const processes = pidsFile?.read();
        return {
          cpuNanoseconds: nanoseconds,
          memoryBytes: Math.max(0, Number(used) - (statField(detail, inactive) ?? 0)),
          memoryLimitBytes,
          processes: processes === undefined ? undefined : Number(processes),
          receivedBytes: bytes.in,
          sentBytes: bytes.out,
          readBytes: blocks.in,
          writtenBytes: blocks.out,
        };
      },
      close,
    };
  } catch (error) {
    close();
    throw error;
  }
}

interface Place {
  readonly version: 1 | 2;
  readonly path: string;
}

/** @param time cpuacct.usage of version 1, cpu.stat of version 2 */
function nanosecondsOf(version: 1 | 2, time: string): number | undefined {
  if (version === 1) return Number(time);
  const micros = statField(time, "usage_usec");
  return micros === undefined ? undefined : micros * NANOSECONDS_PER_MICROSECOND;
}
