import { readFileSync } from "node:fs";
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
import { parseNetDev } from "./host-text.ts";

const NANOSECONDS_PER_MICROSECOND = 1_000;

/** Reads one container's figures from its control groups, in well under a millisecond. */
export interface CgroupReader {
  /** undefined when the groups are not where they can be read: the engine has to be asked. */
  read(): ContainerFigures | undefined;
}

/** Mounts of the control groups on this machine. */
export function cgroupMounts(): CgroupMount[] {
  return parseCgroupMounts(text("/proc/self/mountinfo") ?? "");
}

/**
 * @param pid the container's first process, as the engine names it.
 * @returns undefined when that process is not of this container here: the engine may live in another process namespace.
 */
export function openCgroupReader(
  mounts: readonly CgroupMount[],
  containerId: string,
  pid: number,
): CgroupReader | undefined {
  const procCgroup = pid > 0 ? (text(`/proc/${pid}/cgroup`) ?? "") : "";
  if (!procCgroup.includes(containerId)) return undefined;
  const folder = (controller: string): ReturnType<typeof cgroupFolder> => cgroupFolder(mounts, procCgroup, controller);
  const memory = folder("memory");
  const cpu = folder("cpuacct");
  const io = folder("blkio");
  const pids = folder("pids");
  if (memory === undefined || cpu === undefined) return undefined;

  const workingSet = (): number | undefined => {
    const usage = number(join(memory.folder, memory.version === 1 ? "memory.usage_in_bytes" : "memory.current"));
    const inactive = statField(
      text(join(memory.folder, "memory.stat")) ?? "",
      memory.version === 1 ? "total_inactive_file" : "inactive_file",
    );
    return usage === undefined ? undefined : Math.max(0, usage - (inactive ?? 0));
  };
  const cpuNanoseconds = (): number | undefined => {
    if (cpu.version === 1) return number(join(cpu.folder, "cpuacct.usage"));
    const micros = statField(text(join(cpu.folder, "cpu.stat")) ?? "", "usage_usec");
    return micros === undefined ? undefined : micros * NANOSECONDS_PER_MICROSECOND;
  };
  const blocks = (): { in: number; out: number } => {
    if (io === undefined) return { in: 0, out: 0 };
    return io.version === 1
      ? blkioBytes(text(join(io.folder, "blkio.throttle.io_service_bytes")) ?? "")
      : ioStatBytes(text(join(io.folder, "io.stat")) ?? "");
  };

  return {
    read: () => {
      const memoryBytes = workingSet();
      const nanoseconds = cpuNanoseconds();
      if (memoryBytes === undefined || nanoseconds === undefined) return undefined;
      const limit = limitBytes(
        text(join(memory.folder, memory.version === 1 ? "memory.limit_in_bytes" : "memory.max")) ?? "",
      );
      const processes = pids === undefined ? undefined : number(join(pids.folder, "pids.current"));
      const moved = blocks();
      const network = networkBytes(pid);
      return {
        cpuNanoseconds: nanoseconds,
        memoryBytes,
        ...(limit === undefined ? {} : { memoryLimitBytes: limit }),
        ...(processes === undefined ? {} : { processes }),
        receivedBytes: network.in,
        sentBytes: network.out,
        readBytes: moved.in,
        writtenBytes: moved.out,
      };
    },
  };
}

function networkBytes(pid: number): { in: number; out: number } {
  const sums = { in: 0, out: 0 };
  for (const [name, bytes] of parseNetDev(text(`/proc/${pid}/net/dev`) ?? "")) {
    if (name === "lo") continue;
    sums.in += bytes.in;
    sums.out += bytes.out;
  }
  return sums;
}

function number(path: string): number | undefined {
  const content = text(path);
  return content === undefined ? undefined : Number(content);
}

/** undefined when the file is gone: containers end while they are looked at. */
function text(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}
