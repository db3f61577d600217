import type { Clock, Database, JobKind, Jobs } from "../platform/index.ts";
import { deleteEndedBefore } from "./store.ts";

const sweep: JobKind<Record<string, never>> = { kind: "drift.sweep", maxAttempts: 1_000_000 };

// As long as the history of events that tell of it.
const KEPT_MS = 30 * 86_400_000;
const SWEEP_EVERY_MS = 3_600_000;
// A host whose containers somebody removes again and again makes a row each time; small transactions hold up nobody.
const ROWS_PER_SWEEP = 5_000;
const AGAIN_MS = 1_000;

/** Forgets drifts that ended long ago. */
export function createDriftSweep(parts: { database: Database; jobs: Jobs; clock: Clock }): { start(): Promise<void> } {
  const { database, jobs, clock } = parts;
  const after = (ms: number): Date => new Date(clock.now().getTime() + ms);
  jobs.register(sweep, async () => {
    const limit = new Date(clock.now().getTime() - KEPT_MS);
    const removed = await database.asSystem((tx) => deleteEndedBefore(tx, limit, ROWS_PER_SWEEP));
    return { runAt: after(removed === ROWS_PER_SWEEP ? AGAIN_MS : SWEEP_EVERY_MS) };
  });
  return {
    start: () =>
      database.asSystem((tx) => jobs.enqueue(tx, sweep, { key: "all", payload: {}, runAt: after(SWEEP_EVERY_MS) })),
  };
}
