import { CONTAINER_COLUMNS, type ContainerColumn, type ObservedContainer, quantized } from "@windflow/core";
import type { ContainerFigures, StreamsEngine } from "../engines/streams-engine.ts";
import { type CgroupReader, cgroupMounts, openCgroupReader } from "./cgroup-figures.ts";
import type { Sample } from "./column-buffer.ts";
import { createRateMeter } from "./rates.ts";

export type FiguresEngine = Pick<StreamsEngine, "inspectContainer" | "containerStats">;

const NANOSECONDS = 1e9;
/** The engine works about a second for one answer where the control groups cannot be read, so it is asked less often. */
const ENGINE_ASK_EVERY_MS = 15_000;
/** Of so many containers the files of their control groups are kept open. Of more they are opened each time: descriptors are few on some hosts. */
const MOST_KEPT_OPEN = 100;

interface Watched {
  readonly reader: CgroupReader | undefined;
  readonly startedAt: number | undefined;
  /** Rates are between two looks at one start of it. */
  readonly toSample: (atMs: number, now: ContainerFigures) => Sample;
  askedAt: number;
}

/** Figures of the running containers. */
export interface ContainerSampler {
  sample(atMs: number, running: readonly ObservedContainer[]): Promise<Map<string, Sample>>;
  stop(): void;
}

export function createContainerSampler(engine: FiguresEngine): ContainerSampler {
  const mounts = cgroupMounts();
  const watched = new Map<string, Watched>();

  const forget = (containerId: string): void => {
    watched.get(containerId)?.reader?.close();
    watched.delete(containerId);
  };
  const watch = async (container: ObservedContainer): Promise<Watched> => {
    const { id: containerId } = container;
    const known = watched.get(containerId);
    const startedAt = container.detail?.startedAt;
    if (known !== undefined && known.startedAt === startedAt) return known;
    forget(containerId);
    const pid = pidOf(await engine.inspectContainer(containerId));
    const keepOpen = watched.size < MOST_KEPT_OPEN;
    const reader = openCgroupReader({ mounts, containerId, pid, keepOpen });
    const entry = { reader, startedAt, toSample: createSampleMaker(), askedAt: 0 };
    watched.set(containerId, entry);
    return entry;
  };
  const look = async (container: ObservedContainer, atMs: number): Promise<Sample | undefined> => {
    const entry = await watch(container);
    if (entry.reader === undefined && atMs - entry.askedAt < ENGINE_ASK_EVERY_MS) return undefined;
    entry.askedAt = atMs;
    const now = entry.reader === undefined ? await engine.containerStats(container.id) : entry.reader.read();
    if (now !== undefined) return entry.toSample(atMs, now);
    // Its groups are gone: if it runs nevertheless, it has others since.
    forget(container.id);
    return undefined;
  };

  return {
    sample: async (atMs, running) => {
      const ids = new Set(running.map((container) => container.id));
      for (const id of watched.keys()) if (!ids.has(id)) forget(id);
      const samples = new Map<string, Sample>();
      for (const container of running) {
        // A container that ended between list and look has no figures, and that is all there is to say.
        const sample = await look(container, atMs).catch(() => undefined);
        if (sample !== undefined) samples.set(container.id, sample);
      }
      return samples;
    },
    stop: () => {
      for (const id of watched.keys()) forget(id);
    },
  };
}

/** Makes samples of the figures of one container; those that are not known are left out. */
function createSampleMaker(): (atMs: number, now: ContainerFigures) => Sample {
  const meter = createRateMeter();
  return (atMs, now) => {
    const sample = new Map<string, number>();
    const set = (column: ContainerColumn, value: number | undefined): void => {
      if (value === undefined || Number.isNaN(value)) return;
      sample.set(column, quantized(CONTAINER_COLUMNS[column].unit, value));
    };
    set("cpu_used_cores", meter.rate("cpu", now.cpuNanoseconds, atMs) / NANOSECONDS);
    set("memory_used_bytes", now.memoryBytes);
    set("memory_limit_bytes", now.memoryLimitBytes);
    set("network_receive_bytes_per_second", meter.rate("received", now.receivedBytes, atMs));
    set("network_transmit_bytes_per_second", meter.rate("sent", now.sentBytes, atMs));
    set("block_read_bytes_per_second", meter.rate("read", now.readBytes, atMs));
    set("block_write_bytes_per_second", meter.rate("written", now.writtenBytes, atMs));
    set("processes", now.processes);
    return sample;
  };
}

function pidOf(inspected: unknown): number {
  if (typeof inspected !== "object" || inspected === null || !("State" in inspected)) return 0;
  const state = inspected.State;
  if (typeof state !== "object" || state === null || !("Pid" in state)) return 0;
  return typeof state.Pid === "number" ? state.Pid : 0;
}
