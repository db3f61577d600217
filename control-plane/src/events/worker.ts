import type { Clock, Database, JobKind, Jobs } from "../platform/index.ts";
import { deleteEventsBefore } from "./store.ts";

const sweep: JobKind<Record<string, never>> = { kind: "events.sweep", maxAttempts: 1_000_000 };

const DAY_MS = 86_400_000;
// The audit trail is what is kept for long; events are for looking at what happened lately.
const KEPT_MS = 30 * DAY_MS;
const SWEEP_EVERY_MS = 3_600_000;
// Small transactions: the sweep must not hold up the batches that hosts are sending.
const ROWS_PER_SWEEP = 10_000;
const AGAIN_MS = 1_000;

/** Removes old events, an hour at a time. */
export function createEventsWorker(parts: { database: Database; jobs: Jobs; clock: Clock }): {
  start(): Promise<void>;
} {
  const { database, jobs, clock } = parts;
  const after = (ms: number): Date => new Date(clock.now().getTime() + ms);
  jobs.register(sweep, async () => {
    const limit = new Date(clock.now().getTime() - KEPT_MS);
    const removed = await database.asSystem((tx) => deleteEventsBefore(tx, limit, ROWS_PER_SWEEP));
    return { runAt: after(removed === ROWS_PER_SWEEP ? AGAIN_MS : SWEEP_EVERY_MS) };
  });
  return {
    start: () =>
      database.asSystem((tx) => jobs.enqueue(tx, sweep, { key: "all", payload: {}, runAt: after(SWEEP_EVERY_MS) })),
  };
}
