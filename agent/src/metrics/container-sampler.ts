import { CONTAINER_COLUMNS, type ContainerColumn, type ObservedContainer, quantized } from "@windflow/core";
import type { ContainerFigures, StreamsEngine } from "../engines/streams-engine.ts";
import { type CgroupReader, cgroupMounts, openCgroupReader } from "./cgroup-figures.ts";
import type { Sample } from "./column-buffer.ts";
import { createRateMeter } from "./rates.ts";

export type FiguresEngine = Pick<StreamsEngine, "inspectContainer" | "containerStats">;

const NANOSECONDS = 1e9;
/** The engine works about a second for one answer where the control groups cannot be read, so it is asked less often. */
const ENGINE_ASK_EVERY_MS = 15_000;

const CONTAINER_COLUMN_NAMES = Object.keys(CONTAINER_COLUMNS) as ContainerColumn[];

interface Watched {
  readonly reader: CgroupReader | undefined;
  readonly startedAt: number | undefined;
  askedAt: number;
}

/** Figures of the running containers. */
export interface ContainerSampler {
  sample(atMs: number, running: readonly ObservedContainer[]): Promise<Map<string, Sample>>;
}

export function createContainerSampler(engine: FiguresEngine): ContainerSampler {
  const mounts = cgroupMounts();
  const watched = new Map<string, Watched>();
  const meter = createRateMeter();

  const watch = async (container: ObservedContainer): Promise<Watched> => {
    const known = watched.get(container.id);
    const startedAt = container.detail?.startedAt;
    if (known !== undefined && known.startedAt === startedAt) return known;
    const pid = pidOf(await engine.inspectContainer(container.id));
    const entry = { reader: openCgroupReader(mounts, container.id, pid), startedAt, askedAt: 0 };
    watched.set(container.id, entry);
    return entry;
  };
  const figures = async (container: ObservedContainer, atMs: number): Promise<ContainerFigures | undefined> => {
    const entry = await watch(container);
    if (entry.reader !== undefined) return entry.reader.read();
    if (atMs - entry.askedAt < ENGINE_ASK_EVERY_MS) return undefined;
    entry.askedAt = atMs;
    return engine.containerStats(container.id);
  };
  const toSample = (id: string, atMs: number, now: ContainerFigures): Sample => {
    const rate = (name: string, value: number): number => meter.rate(`${id}/${name}`, value, atMs);
    const values: Record<ContainerColumn, number> = {
      cpu_used_cores: rate("cpu", now.cpuNanoseconds) / NANOSECONDS,
      memory_used_bytes: now.memoryBytes,
      memory_limit_bytes: now.memoryLimitBytes ?? Number.NaN,
      network_receive_bytes_per_second: rate("received", now.receivedBytes),
      network_transmit_bytes_per_second: rate("sent", now.sentBytes),
      block_read_bytes_per_second: rate("read", now.readBytes),
      block_write_bytes_per_second: rate("written", now.writtenBytes),
      processes: now.processes ?? Number.NaN,
    };
    const known = CONTAINER_COLUMN_NAMES.filter((name) => !Number.isNaN(values[name]));
    return new Map(known.map((name) => [name, quantized(CONTAINER_COLUMNS[name].unit, values[name])]));
  };

  return {
    sample: async (atMs, running) => {
      const ids = new Set(running.map((container) => container.id));
      for (const id of watched.keys()) if (!ids.has(id)) watched.delete(id);
      const samples = new Map<string, Sample>();
      for (const container of running) {
        // A container that ended between list and look has no figures, and that is all there is to say.
        const now = await figures(container, atMs).catch(() => undefined);
        if (now !== undefined) samples.set(container.id, toSample(container.id, atMs, now));
      }
      return samples;
    },
  };
}

function pidOf(inspected: unknown): number {
  if (typeof inspected !== "object" || inspected === null || !("State" in inspected)) return 0;
  const state = inspected.State;
  if (typeof state !== "object" || state === null || !("Pid" in state)) return 0;
  return typeof state.Pid === "number" ? state.Pid : 0;
}
