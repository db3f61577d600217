import type { UnitOfWork } from "../platform/index.ts";
import { samplesOfStored } from "./batches.ts";
import { decodeChunk } from "./codec.ts";
import { namesOf } from "./layouts.ts";
import { bucketOf, kindOf, type Samples, type Subject } from "./model.ts";
import { lastOf, OLD_MS, STALE_MS, staleAfterMs } from "./recent.ts";
import { readLatest } from "./store-intake.ts";
import { readTier } from "./store-tiers.ts";
import { subjectsOfHosts, type NumberedSubject } from "./subjects.ts";

export interface SubjectFigures {
  readonly subject: Subject;
  readonly figures: ReadonlyMap<string, number>;
}

// A bucket or two of each subject of the largest fleet.
const MOST_ROWS = 100_000;

/**
 * The last figures of hosts and of their containers from what is committed, whichever control plane took it, for as long as they say
 * something about now: hosts that ship rarely take longer. What is rolled up already does not say how often it was shipped; it counts
 * for as long as if that had been all of its bucket.
 */
export async function latestFigures(tx: UnitOfWork, hostIds: readonly string[], now: Date): Promise<SubjectFigures[]> {
  if (hostIds.length === 0) return [];
  const subjects = await subjectsOfHosts(tx, hostIds);
  const nowMs = now.getTime();
  const found = new Map<number, Samples>();
  const kinds = new Map(subjects.map((subject) => [subject.number, kindOf(subject)]));
  for (const { subject: number, batch } of await readLatest(tx, [...kinds.keys()], new Date(nowMs - OLD_MS))) {
    const samples = samplesOfStored(kinds.get(number) ?? "host", batch);
    if (samples !== undefined) found.set(number, samples);
  }
  // Hosts that ship each few seconds always have something that is not rolled up.
  const heard = new Set(subjects.filter(({ number }) => found.has(number)).map(({ hostId }) => hostId));
  const others = subjects.filter(({ hostId }) => !heard.has(hostId));
  for (const [number, samples] of await rolledUp(tx, others, nowMs)) found.set(number, samples);
  return fresh(subjects, found, nowMs);
}

async function rolledUp(
  tx: UnitOfWork,
  subjects: readonly NumberedSubject[],
  nowMs: number,
): Promise<Map<number, Samples>> {
  const range = { from: new Date(bucketOf(nowMs - OLD_MS)), to: new Date(nowMs) };
  const numbers = subjects.map(({ number }) => number);
  // By time: the last one of each stays.
  const last = new Map(
    (await readTier(tx, "metric_samples", numbers, range, MOST_ROWS)).map((row) => [row.subject, row]),
  );
  const names = await namesOf(
    tx,
    [...last.values()].map(({ layout }) => layout),
  );
  return new Map(
    subjects.flatMap((subject) => {
      const row = last.get(subject.number);
      if (row === undefined) return [];
      const encoded = { names: names.get(row.layout) ?? [], bytes: row.chunk };
      return [[subject.number, decodeChunk(kindOf(subject), encoded)]];
    }),
  );
}

function fresh(
  subjects: readonly NumberedSubject[],
  found: ReadonlyMap<number, Samples>,
  nowMs: number,
): SubjectFigures[] {
  const lastMsOf = (number: number): number => found.get(number)?.atMs.at(-1) ?? Number.NEGATIVE_INFINITY;
  const hostLastMs = new Map(
    subjects.filter(({ containerId }) => containerId === "").map(({ hostId, number }) => [hostId, lastMsOf(number)]),
  );
  return subjects.flatMap((subject) => {
    const samples = found.get(subject.number);
    const lastMs = lastMsOf(subject.number);
    if (samples === undefined || nowMs - lastMs > staleAfterMs(lastMs - (samples.atMs[0] ?? lastMs))) return [];
    // A container of which nothing comes while its host goes on is gone.
    if (lastMs < (hostLastMs.get(subject.hostId) ?? lastMs) - STALE_MS) return [];
    return [{ subject, figures: lastOf(samples) }];
  });
}
