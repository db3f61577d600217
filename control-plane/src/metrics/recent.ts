import { keyOf, type Samples, type Subject } from "./model.ts";

/** The last sample of each subject, in memory: for lists. Empty after a start. */
export interface RecentSamples {
  add(subject: Subject, samples: Samples, now: number): void;
  /** Undefined when nothing came for a while. */
  last(subject: Subject, now: number): ReadonlyMap<string, number> | undefined;
  /** The last figures of the hosts and of their containers, of which something came lately. */
  of(hostIds: ReadonlySet<string>, now: number): { subject: Subject; figures: ReadonlyMap<string, number> }[];
  /** Forgets subjects of which nothing came for a while: containers come and go. */
  sweep(now: number): void;
}

// Twice the slowest shipping interval, and a lost batch.
const STALE_MS = 2 * 60_000;
// A host's clock may be behind; one by more than this has no figures in lists.
const OLD_MS = 15 * 60_000;

interface Known {
  readonly subject: Subject;
  readonly samples: Samples;
  readonly receivedMs: number;
}

export function createRecentSamples(): RecentSamples {
  const subjects = new Map<string, Known>();
  return {
    add: (subject, samples, now) => {
      const at = samples.atMs.at(-1) ?? 0;
      // What was spooled while the link was cut says nothing about now.
      if (now - at > OLD_MS) return;
      const key = keyOf(subject);
      // Batches of one host may be stored in another order than they were made.
      if ((subjects.get(key)?.samples.atMs.at(-1) ?? 0) > at) return;
      subjects.set(key, { subject, samples, receivedMs: now });
    },
    last: (subject, now) => {
      const known = subjects.get(keyOf(subject));
      if (known === undefined || now - known.receivedMs > STALE_MS) return undefined;
      return lastOf(known.samples);
    },
    of: (hostIds, now) =>
      [...subjects.values()]
        .filter(({ subject, receivedMs }) => now - receivedMs <= STALE_MS && hostIds.has(subject.hostId))
        .map(({ subject, samples }) => ({ subject, figures: lastOf(samples) })),
    sweep: (now) => {
      for (const [key, { receivedMs }] of subjects) if (now - receivedMs > STALE_MS) subjects.delete(key);
    },
  };
}

/** The figures of the latest sample. */
export function lastOf(samples: Samples): ReadonlyMap<string, number> {
  return new Map([...samples.columns].map(([name, values]) => [name, values.at(-1) ?? Number.NaN]));
}
