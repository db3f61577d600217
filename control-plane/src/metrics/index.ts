import type { MetricsServiceService } from "@windflow/proto/api";
import type { Handlers } from "../api/index.ts";
import type { Clock, Database, Jobs, Log, NewId } from "../platform/index.ts";
import { createContainerMemory } from "./containers.ts";
import { createFleetFigures } from "./fleet-figures.ts";
import { metricsHandlers } from "./handlers.ts";
import { createSamplesSink, type SamplesSink } from "./ingest.ts";
import { createLiveLooks, type LiveLooks } from "./live.ts";
import { createRecentSamples } from "./recent.ts";
import { createSubjectNumbers } from "./subjects.ts";
import type { StackFigures } from "./ports.ts";
import { createMetricsUpkeep } from "./upkeep.ts";

export type { SamplesSink } from "./ingest.ts";
export { readFigureBounds, type FigureBounds } from "./current.ts";
export { keyOf as figureKey } from "./model.ts";
export type { StackFigures } from "./ports.ts";
export { forgetSubjectsOf } from "./subjects.ts";

/** Figures of hosts and containers over time. */
export interface Metrics {
  /** For the hosts' spools. */
  readonly sink: SamplesSink;
  /** For what hosts report, in the transaction that stores it: whose containers' figures they are. */
  readonly containers: ReturnType<typeof createContainerMemory>;
  readonly hostFigures: { figuresOf(hostId: string): { cpuPercent: number; memoryPercent: number } | undefined };
  readonly containerFigures: {
    figuresOf(hostId: string, containerId: string): { cpuPercent: number; memoryBytes: number } | undefined;
  };
  /** The fleet of an organization in the text format of Prometheus; `stacks` says how stacks stand. */
  fleetFigures(stacks: StackFigures): (organizationId: string) => Promise<string>;
  /** @param gateway what makes a host sample each second while somebody looks */
  handlers(gateway: { holdLive(hostId: string): () => void }): Handlers<typeof MetricsServiceService>;
  start(): Promise<void>;
  stop(): Promise<void>;
}

// Statistics of half an hour; those of five minutes are kept for a week, the samples themselves for a day.
const KEPT_DAYS = 30;
const DAY_MS = 24 * 60 * 60_000;

/** @param parts.keptDays how long statistics are kept, 30 days unless told */
export function createMetrics(parts: {
  readonly platform: {
    readonly database: Database;
    readonly clock: Clock;
    readonly log: Log;
    readonly newId: NewId;
    readonly jobs: Jobs;
  };
  readonly keptDays?: number | undefined;
}): Metrics {
  const { database, clock, log, newId, jobs } = parts.platform;
  const keptMs = (parts.keptDays ?? KEPT_DAYS) * DAY_MS;
  const recent = createRecentSamples();
  const upkeep = createMetricsUpkeep({ database, clock, log, jobs, recent, keptMs });
  const looks: LiveLooks[] = [];
  const last = (hostId: string, containerId: string): ReadonlyMap<string, number> | undefined =>
    recent.last({ hostId, containerId }, clock.now().getTime());

  return {
    sink: createSamplesSink({ clock, log, newId, recent, numbers: createSubjectNumbers(clock), keptMs }),
    containers: createContainerMemory(clock),
    fleetFigures: (stackFigures) => createFleetFigures({ database, clock, recent, stackFigures }),
    hostFigures: {
      figuresOf: (hostId) => {
        const figures = last(hostId, "");
        if (figures === undefined) return undefined;
        const memory = finite(figures.get("memory_used_bytes")) / finite(figures.get("memory_total_bytes"));
        return { cpuPercent: 100 * finite(figures.get("cpu_used_ratio")), memoryPercent: 100 * finite(memory) };
      },
    },
    containerFigures: {
      figuresOf: (hostId, containerId) => {
        const figures = last(hostId, containerId);
        if (figures === undefined) return undefined;
        return {
          cpuPercent: 100 * finite(figures.get("cpu_used_cores")),
          memoryBytes: finite(figures.get("memory_used_bytes")),
        };
      },
    },
    handlers: (gateway) => {
      const own = createLiveLooks(gateway);
      looks.push(own);
      return metricsHandlers({ database, clock, keptMs, looks: own });
    },
    start: () => upkeep.start(),
    stop: () => {
      for (const one of looks) one.stop();
      return upkeep.stop();
    },
  };
}

function finite(value: number | undefined): number {
  return value !== undefined && Number.isFinite(value) ? value : 0;
}
