import { field, type Clock, type Database, type Log } from "../platform/index.ts";
import { compactSome } from "./compact.ts";
import { RAW_KEPT_MS, ROLLED_KEPT_MS } from "./query.ts";
import type { RecentSamples } from "./recent.ts";
import { dropBefore, makePartition } from "./store.ts";

const HOUR_MS = 60 * 60_000;
const DAY_MS = 24 * HOUR_MS;
// Enough for a night in which the database refuses to make tables; after that rows go to the default partition.
const HOURS_AHEAD = 12;
const DAYS_AHEAD = 2;
const ROUND_MS = 30_000;
const RETENTION_ROUND_MS = 10 * 60_000;

/** Makes partitions ahead, puts chunks together, drops what is too old. */
export interface MetricsUpkeep {
  start(): Promise<void>;
  stop(): Promise<void>;
  /** One round of compaction, for tests and at stop. */
  compact(): Promise<void>;
}

export function createMetricsUpkeep(parts: {
  readonly database: Database;
  readonly clock: Clock;
  readonly log: Log;
  readonly recent: RecentSamples;
}): MetricsUpkeep {
  const { database, clock, log, recent } = parts;
  const stopping = new AbortController();
  let loop: Promise<void> = Promise.resolve();
  let retainedAt = 0;

  async function retain(): Promise<void> {
    const now = clock.now().getTime();
    const hour = Math.floor(now / HOUR_MS) * HOUR_MS;
    const day = Math.floor(now / DAY_MS) * DAY_MS;
    await database.asSystem(async (tx) => {
      for (let i = 0; i < HOURS_AHEAD; i++) {
        await makePartition(tx, "metric_raw", new Date(hour + i * HOUR_MS), new Date(hour + (i + 1) * HOUR_MS));
      }
      for (let i = 0; i < DAYS_AHEAD; i++) {
        await makePartition(tx, "metric_5m", new Date(day + i * DAY_MS), new Date(day + (i + 1) * DAY_MS));
      }
    });
    // An hour more: the partition in which the limit lies is still in use.
    await database.asSystem((tx) => dropBefore(tx, "metric_raw", new Date(hour - RAW_KEPT_MS - HOUR_MS)));
    await database.asSystem((tx) => dropBefore(tx, "metric_5m", new Date(day - ROLLED_KEPT_MS - DAY_MS)));
    retainedAt = now;
  }

  async function compact(): Promise<void> {
    while (!stopping.signal.aborted && (await compactSome(database, clock.now().getTime())));
  }

  async function run(): Promise<void> {
    while (!stopping.signal.aborted) {
      await clock.sleep(ROUND_MS, stopping.signal).catch(() => undefined);
      if (stopping.signal.aborted) return;
      try {
        recent.sweep(clock.now().getTime());
        await compact();
        if (clock.now().getTime() - retainedAt >= RETENTION_ROUND_MS) await retain();
      } catch (error) {
        log.warn({ err: error, [field.area]: "metrics" }, "The upkeep of metrics failed; it is tried again.");
      }
    }
  }

  return {
    start: async () => {
      await retain();
      loop = run();
    },
    stop: async () => {
      stopping.abort();
      await loop;
    },
    compact,
  };
}
