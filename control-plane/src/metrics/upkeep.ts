import type { Clock, Database, JobKind, Jobs, Log } from "../platform/index.ts";
import { compactSome } from "./compact.ts";
import { forgetContainersBefore } from "./containers.ts";
import { RAW_KEPT_MS } from "./query.ts";
import type { RecentSamples } from "./recent.ts";
import { deleteLateRaw, dropRawPartitions, dropRolledBefore, makePartition } from "./store.ts";

const HOUR_MS = 60 * 60_000;
const DAY_MS = 24 * HOUR_MS;
// Enough for a night in which the database refuses to make tables; after that rows go to the default partition.
const HOURS_AHEAD = 12;
const DAYS_AHEAD = 2;
const ROUND_MS = 30_000;
const RETENTION_ROUND_MS = 10 * 60_000;

type Nothing = Record<string, never>;
const rollUpJob: JobKind<Nothing> = { kind: "metrics.roll-up", maxAttempts: 1_000_000 };
const retentionJob: JobKind<Nothing> = { kind: "metrics.retention", maxAttempts: 1_000_000 };

/** Makes partitions ahead, puts chunks together, drops what is too old. */
export interface MetricsUpkeep {
  start(): Promise<void>;
  stop(): void;
  /** Everything that is over and not rolled up yet; what the job does every half minute. */
  rollUp(signal?: AbortSignal): Promise<void>;
  /** What the other job does every ten minutes. */
  retain(): Promise<void>;
}

/**
 * Both are jobs with a lease: one control plane does each at a time, and another takes over when it dies. Were two at it
 * all the same, they would take different buckets.
 * @param parts.keptMs how long statistics are kept
 */
export function createMetricsUpkeep(parts: {
  readonly database: Database;
  readonly clock: Clock;
  readonly log: Log;
  readonly jobs: Jobs;
  readonly recent: RecentSamples;
  readonly keptMs: number;
}): MetricsUpkeep {
  const { database, clock, log, jobs, recent, keptMs } = parts;
  const after = (ms: number): Date => new Date(clock.now().getTime() + ms);
  let sweeper: NodeJS.Timeout | undefined;

  async function rollUp(signal?: AbortSignal): Promise<void> {
    while (signal?.aborted !== true && (await compactSome(database, clock.now().getTime(), log)));
  }

  async function makePartitions(now: number): Promise<void> {
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
  }

  async function retain(): Promise<void> {
    const now = clock.now().getTime();
    await makePartitions(now);
    // An hour, or a day, more: the partition in which the limit lies is still in use.
    const rawLimit = new Date(Math.floor(now / HOUR_MS) * HOUR_MS - RAW_KEPT_MS - HOUR_MS);
    await database.asSystem((tx) => dropRawPartitions(tx, rawLimit));
    await database.asSystem((tx) => deleteLateRaw(tx, rawLimit));
    const rolledLimit = new Date(Math.floor((now - keptMs) / DAY_MS) * DAY_MS - DAY_MS);
    await database.asSystem((tx) => dropRolledBefore(tx, rolledLimit));
    await database.asSystem((tx) => forgetContainersBefore(tx, rolledLimit));
  }

  jobs.register(rollUpJob, async ({ signal }) => {
    await rollUp(signal);
    return { runAt: after(ROUND_MS) };
  });
  jobs.register(retentionJob, async () => {
    await retain();
    return { runAt: after(RETENTION_ROUND_MS) };
  });

  return {
    start: async () => {
      // The first batches come at once, and the job may be another's.
      await makePartitions(clock.now().getTime());
      await database.asSystem(async (tx) => {
        await jobs.enqueue(tx, rollUpJob, { key: "all", payload: {}, runAt: after(ROUND_MS) });
        await jobs.enqueue(tx, retentionJob, { key: "all", payload: {} });
      });
      sweeper = setInterval(() => recent.sweep(clock.now().getTime()), ROUND_MS);
      sweeper.unref();
    },
    stop: () => clearInterval(sweeper),
    rollUp,
    retain,
  };
}
