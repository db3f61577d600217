import type { FileStore } from "../files/index.ts";
import type { Clock, Database, JobKind, Jobs } from "../platform/index.ts";
import { imageHolder } from "./model.ts";
import { listUnused, removeUnused } from "./store-images.ts";

/** Removes images that nobody planned or deployed for a while. What a revision names stays stored: the revision keeps it itself. */
const sweepImages: JobKind<Record<string, never>> = { kind: "builds.sweep", maxAttempts: 1_000_000 };

const DAY_MS = 24 * 60 * 60_000;
const UNUSED_MS = 30 * DAY_MS;
// The rest the next day.
const IMAGES_AT_ONCE = 500;

export function registerSweep(parts: {
  readonly database: Database;
  readonly clock: Clock;
  readonly jobs: Jobs;
  readonly files: FileStore;
}): { start(): Promise<void> } {
  const { database, clock, jobs, files } = parts;
  jobs.register(sweepImages, async () => {
    const now = clock.now().getTime();
    const before = new Date(now - UNUSED_MS);
    const unused = await database.asSystem((tx) => listUnused(tx, before, IMAGES_AT_ONCE), { readOnly: true });
    for (const { organizationId, inputDigest } of unused)
      await database.inOrganization(organizationId, async (tx) => {
        if (await removeUnused(tx, inputDigest, before)) await files.release(tx, imageHolder(inputDigest));
      });
    return { runAt: new Date(now + DAY_MS) };
  });
  return { start: () => database.asSystem((tx) => jobs.enqueue(tx, sweepImages, { key: "all", payload: {} })) };
}
