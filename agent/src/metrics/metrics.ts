import type { ObservedContainer } from "@windflow/core";
import type { Intervals, SampleBatch } from "@windflow/proto/agent";
import type { Clock } from "../platform/clock.ts";
import { type Log, reasonOf } from "../platform/log.ts";
import { type ColumnBuffer, createColumnBuffer } from "./column-buffer.ts";
import { type FiguresEngine, createContainerSampler } from "./container-sampler.ts";
import { createHostSampler } from "./host-sampler.ts";
import { type OwnUsageParts, createOwnUsageSampler } from "./own-usage.ts";

const SAMPLE_EVERY_MS = 5_000;
/** A container is six files: fifty of them each 5 s would be most of what the agent takes of a processor. Twice in each batch. */
const SAMPLE_CONTAINERS_EVERY_MS = 15_000;
const LIVE_SAMPLE_EVERY_MS = 1_000;
/** Of a host whose figures leave rarely, enough rows for its charts: 20 in each batch. */
const ROWS_PER_BATCH = 20;
/** Until Intervals say otherwise; a host's figures are what people look at first. */
const SHIP_HOST_MS = 15_000;
const SHIP_CONTAINERS_MS = 30_000;
/** The control plane may slow shipping down for metered links, not beyond what the buffers hold. */
const MAX_SHIP_MS = 600_000;
/** Each container is a few files a look; a machine with more is sampled for the first ones by id. */
const MAX_CONTAINERS = 500;

export interface MetricsParts extends OwnUsageParts {
  readonly engine: FiguresEngine;
  readonly clock: Clock;
  readonly log: Log;
  /** Containers that run, as last observed. */
  running(): readonly ObservedContainer[];
  /** Takes a batch for the spool. */
  ship(batch: SampleBatch): void;
}

/** Samples host and containers on a timer and ships them in batches. */
export interface Metrics {
  start(): void;
  stop(): void;
  setIntervals(intervals: Intervals): void;
}

export function createMetrics(parts: MetricsParts): Metrics {
  const { clock } = parts;
  const host = createHostSampler();
  const own = createOwnUsageSampler(parts);
  const containers = createContainerSampler(parts.engine);
  const hostBuffer = createColumnBuffer("");
  const containerBuffers = new Map<string, ColumnBuffer>();
  let shipHostMs = SHIP_HOST_MS;
  let shipContainersMs = SHIP_CONTAINERS_MS;
  let live = false;
  let hostShippedAt = clock.now();
  let containersShippedAt = clock.now();
  let containersSampledAt = Number.NEGATIVE_INFINITY;
  let cancel: (() => void) | undefined;
  let stopped = true;

  const stepMs = (): number =>
    live ? LIVE_SAMPLE_EVERY_MS : Math.max(SAMPLE_EVERY_MS, Math.min(shipHostMs, shipContainersMs) / ROWS_PER_BATCH);
  // Half a sampling step of slack, or timers that fire a little early would skip a whole step.
  const due = (since: number, everyMs: number): boolean => live || clock.now() - since >= everyMs - stepMs() / 2;
  const sample = async (): Promise<void> => {
    const atMs = clock.now();
    const figures = host.sample(atMs);
    for (const [name, value] of own.sample(atMs)) figures.set(name, value);
    hostBuffer.add(atMs, figures);
    if (!due(containersSampledAt, SAMPLE_CONTAINERS_EVERY_MS)) return;
    containersSampledAt = atMs;
    for (const [id, values] of await containers.sample(atMs, parts.running().slice(0, MAX_CONTAINERS))) {
      let buffer = containerBuffers.get(id);
      if (buffer === undefined) containerBuffers.set(id, (buffer = createColumnBuffer(id)));
      buffer.add(atMs, values);
    }
  };
  const shipHost = (): void => {
    hostShippedAt = clock.now();
    const batch = hostBuffer.drain();
    if (batch !== undefined) parts.ship(batch);
  };
  const shipContainers = (): void => {
    containersShippedAt = clock.now();
    for (const [id, buffer] of containerBuffers) {
      const batch = buffer.drain();
      if (batch === undefined) containerBuffers.delete(id);
      else parts.ship(batch);
    }
  };
  const tick = async (): Promise<void> => {
    try {
      await sample();
    } catch (error) {
      parts.log("warn", "Figures of the host could not be read.", { reason: reasonOf(error) });
    }
    if (stopped) return;
    if (due(hostShippedAt, shipHostMs)) shipHost();
    if (due(containersShippedAt, shipContainersMs)) shipContainers();
    next();
  };
  const next = (): void => {
    cancel?.();
    cancel = clock.after(stepMs(), () => void tick().catch(() => undefined));
  };

  return {
    start: () => {
      stopped = false;
      void tick().catch(() => undefined);
    },
    stop: () => {
      stopped = true;
      cancel?.();
      containers.stop();
      shipHost();
      shipContainers();
    },
    setIntervals: (intervals) => {
      shipHostMs = bounded(intervals.hostSampleShipMs, SHIP_HOST_MS);
      shipContainersMs = bounded(intervals.containerSampleShipMs, SHIP_CONTAINERS_MS);
      const wasLive = live;
      live = intervals.live;
      if (live && !wasLive && !stopped) next();
    },
  };
}

function bounded(ms: number, fallback: number): number {
  return ms > 0 ? Math.min(ms, MAX_SHIP_MS) : fallback;
}
