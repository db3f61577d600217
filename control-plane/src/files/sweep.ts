import type { Clock, Database, JobKind, Jobs } from "../platform/index.ts";
import { trimOldest } from "./store.ts";

const sweep: JobKind<Record<string, never>> = { kind: "files.sweep", maxAttempts: 1_000_000 };

const HOUR_MS = 3_600_000;
// Time for a person to upload what a revision needs, and to make the revision.
export const UNHELD_KEPT_MS: number = 24 * HOUR_MS;
// Each a transaction of its own: a file, or a part of a large one.
const STEPS_PER_SWEEP = 8;
const AGAIN_MS = 1_000;

/** Removes files that no revision and no build needs, and uploads that nobody finished. */
export function createFilesSweep(parts: { readonly database: Database; readonly jobs: Jobs; readonly clock: Clock }): {
  start(): Promise<void>;
  once(): Promise<number>;
} {
  const { database, jobs, clock } = parts;
  const after = (ms: number): Date => new Date(clock.now().getTime() + ms);
  const once = async (): Promise<number> => {
    const before = new Date(clock.now().getTime() - UNHELD_KEPT_MS);
    for (let steps = 0; steps < STEPS_PER_SWEEP; steps++)
      if (!(await database.asSystem((tx) => trimOldest(tx, before)))) return steps;
    return STEPS_PER_SWEEP;
  };
  jobs.register(sweep, async () => ({ runAt: after((await once()) === STEPS_PER_SWEEP ? AGAIN_MS : HOUR_MS) }));
  return {
    once,
    start: () => database.asSystem((tx) => jobs.enqueue(tx, sweep, { key: "all", payload: {}, runAt: after(HOUR_MS) })),
  };
}
