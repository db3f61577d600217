import {
  breather,
  field,
  type Breathe,
  type Clock,
  type Database,
  type JobKind,
  type Jobs,
  type Log,
} from "../platform/index.ts";
import { forgetContainersBefore } from "./containers.ts";
import { BUCKETS_KEPT_MS, RAW_KEPT_MS } from "./model.ts";
import type { RecentSamples } from "./recent.ts";
import { rollUpHalves } from "./roll-up-halves.ts";
import { closeIntake, rollUpSome } from "./roll-up.ts";
import { dropBefore, dropBucketsBefore, makePartition } from "./store-retention.ts";
import { forgetSubjectsBefore } from "./subjects.ts";

const HOUR_MS = 60 * 60_000;
const DAY_MS = 24 * HOUR_MS;
// Enough for a night in which the database refuses to make tables; after that rows go to the default partition.
const HOURS_AHEAD = 12;
const DAYS_AHEAD = 2;
const ROUND_MS = 15_000;
// Nobody waits for what is rolled up, and it comes all at once for a whole fleet: after each few milliseconds of it others have the processor
// for so long. A command to a host, which goes through a dozen turns, does not notice it then.
const REST_MS = 20;
// A fleet for which that is too slow takes what it needs: five minutes come each five minutes.
const AT_LEISURE_MS = 3 * 60_000;
// So does a host that was away for days, whose figures are one piece of work: the server ends a transaction that says nothing for a minute.
const TRANSACTION_AT_LEISURE_MS = 5_000;
const RETENTION_ROUND_MS = 10 * 60_000;
const DAILY = ["metric_buckets", "metric_halves", "metric_column_buckets", "metric_column_halves"] as const;

type Nothing = Record<string, never>;
const retentionJob: JobKind<Nothing> = { kind: "metrics.retention", maxAttempts: 1_000_000 };

/** Rolls samples up, makes partitions ahead, drops what is too old. */
export interface MetricsUpkeep {
  start(): Promise<void>;
  stop(): Promise<void>;
  /** Everything that is over and not rolled up yet; what is done every 15 seconds, but without a rest. */
  rollUp(): Promise<void>;
  /** What a job does every ten minutes. */
  retain(): Promise<void>;
}

/**
 * Every control plane rolls up: each takes parts that no other has at that moment. Dropping is a job with a lease.
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
  const stopping = new AbortController();
  let rounds: Promise<void> = Promise.resolve();

  async function rollUp(leisureMs: number): Promise<void> {
    const now = clock.now().getTime();
    const roundMs = clock.monotonicMs() + leisureMs;
    const inTransaction = (): Breathe => {
      const hurriesAtMs = Math.min(roundMs, clock.monotonicMs() + TRANSACTION_AT_LEISURE_MS);
      return breather(() => (stopping.signal.aborted || clock.monotonicMs() >= hurriesAtMs ? 0 : REST_MS));
    };
    const everything = async (): Promise<void> => {
      while (!stopping.signal.aborted && (await rollUpSome(database, now, log, inTransaction())));
    };
    // First what is closed: until that is done there may be nothing that could become the open slot.
    await everything();
    await closeIntake(database, now);
    await everything();
    while (!stopping.signal.aborted && (await rollUpHalves(database, now, log, inTransaction())));
  }

  async function keepRolling(): Promise<void> {
    while (!stopping.signal.aborted) {
      await clock.sleep(ROUND_MS, stopping.signal).catch(() => undefined);
      if (stopping.signal.aborted) return;
      recent.sweep(clock.now().getTime());
      await rollUp(AT_LEISURE_MS).catch((error: unknown) => {
        log.warn({ err: error, [field.area]: "metrics" }, "Samples could not be rolled up; it is tried again.");
      });
    }
  }

  async function makePartitions(now: number): Promise<void> {
    const hour = Math.floor(now / HOUR_MS) * HOUR_MS;
    const day = Math.floor(now / DAY_MS) * DAY_MS;
    await database.asSystem(async (tx) => {
      for (let i = 0; i < HOURS_AHEAD; i++) {
        await makePartition(tx, "metric_samples", new Date(hour + i * HOUR_MS), new Date(hour + (i + 1) * HOUR_MS));
      }
      for (const table of DAILY) {
        for (let i = 0; i < DAYS_AHEAD; i++) {
          await makePartition(tx, table, new Date(day + i * DAY_MS), new Date(day + (i + 1) * DAY_MS));
        }
      }
    });
  }

  async function retain(): Promise<void> {
    const now = clock.now().getTime();
    await makePartitions(now);
    // An hour, or a day, more: the partition in which the limit lies is still in use.
    const samplesLimit = new Date(Math.floor(now / HOUR_MS) * HOUR_MS - RAW_KEPT_MS - HOUR_MS);
    const daysBefore = (ms: number): Date => new Date(Math.floor((now - ms) / DAY_MS) * DAY_MS - DAY_MS);
    const bucketsLimit = daysBefore(Math.min(keptMs, BUCKETS_KEPT_MS));
    const limit = daysBefore(keptMs);
    await database.asSystem((tx) => dropBefore(tx, "metric_samples", samplesLimit));
    await database.asSystem((tx) => dropBucketsBefore(tx, bucketsLimit));
    await database.asSystem((tx) => dropBefore(tx, "metric_column_buckets", bucketsLimit));
    await database.asSystem((tx) => dropBefore(tx, "metric_halves", limit));
    await database.asSystem((tx) => dropBefore(tx, "metric_column_halves", limit));
    await database.asSystem((tx) => forgetContainersBefore(tx, limit));
    await database.asSystem((tx) => forgetSubjectsBefore(tx, limit));
  }

  jobs.register(retentionJob, async () => {
    await retain();
    return { runAt: new Date(clock.now().getTime() + RETENTION_ROUND_MS) };
  });

  return {
    start: async () => {
      // The first batches come at once, and the job may be another's.
      await makePartitions(clock.now().getTime());
      await database.asSystem((tx) => jobs.enqueue(tx, retentionJob, { key: "all", payload: {} }));
      rounds = keepRolling();
    },
    stop: () => {
      stopping.abort();
      return rounds;
    },
    rollUp: () => rollUp(0),
    retain,
  };
}
