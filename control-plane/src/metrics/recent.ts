import { samplesOfStored } from "./batches.ts";
import { kindOf, type Samples, type Subject } from "./model.ts";

/** The last batch of each subject, in memory and as it is stored: for lists. Empty after a start. */
export interface RecentSamples {
  /** @param batch as the table of intake has it; @param times of its last sample, and how long after its first that is */
  add(
    subject: Subject,
    batch: Uint8Array,
    times: { readonly lastAtMs: number; readonly spanMs: number },
    now: number,
  ): void;
  /** The latest sample; undefined when nothing came for a while. */
  last(subject: Subject, now: number): ReadonlyMap<string, number> | undefined;
  /** The last figures of the hosts and of their containers, of which something came lately. */
  of(hostIds: ReadonlySet<string>, now: number): { subject: Subject; figures: ReadonlyMap<string, number> }[];
  /** Forgets subjects of which nothing came for a while: containers come and go. */
  sweep(now: number): void;
}

/** Twice the usual shipping interval, and a lost batch. A batch spans what its host takes to ship one: metered hosts take longer. */
export const STALE_MS: number = 2 * 60_000;
const SHIPS_MISSED = 2;
const LATE_MS = 60_000;
/** A host's clock may be behind; one by more than this has no figures in lists. */
export const OLD_MS: number = 15 * 60_000;

/** How long the last figures of a host that ships so many milliseconds at a time say something about now. */
export function staleAfterMs(spanMs: number): number {
  return Math.min(OLD_MS, Math.max(STALE_MS, SHIPS_MISSED * spanMs + LATE_MS));
}

/** Written over and over in place: what is kept for a while and then thrown away is the dearest for the collector. */
interface Known {
  /** The batch, and some bytes of a longer one before. */
  room: Uint8Array;
  length: number;
  lastAtMs: number;
  receivedMs: number;
  staleMs: number;
}

export function createRecentSamples(): RecentSamples {
  // By host, then by container: a joined key would be made and hashed for every batch.
  const hosts = new Map<string, Map<string, Known>>();
  const isFresh = ({ receivedMs, staleMs }: Known, now: number): boolean => now - receivedMs <= staleMs;
  return {
    add: ({ hostId, containerId }, batch, { lastAtMs, spanMs }, now) => {
      // What was spooled while the link was cut says nothing about now.
      if (now - lastAtMs > OLD_MS) return;
      const own = hosts.get(hostId) ?? new Map<string, Known>();
      hosts.set(hostId, own);
      // Batches of one host may be stored in another order than they were made.
      const before = own.get(containerId);
      if ((before?.lastAtMs ?? 0) > lastAtMs) return;
      const known = before ?? { room: new Uint8Array(batch.length), length: 0, lastAtMs, receivedMs: now, staleMs: 0 };
      if (known.room.length < batch.length) known.room = new Uint8Array(batch.length);
      known.room.set(batch);
      known.length = batch.length;
      known.lastAtMs = lastAtMs;
      known.receivedMs = now;
      known.staleMs = staleAfterMs(spanMs);
      if (before === undefined) own.set(containerId, known);
    },
    last: (subject, now) => {
      const known = hosts.get(subject.hostId)?.get(subject.containerId);
      return known !== undefined && isFresh(known, now) ? figuresOf(subject, known) : undefined;
    },
    of: (hostIds, now) =>
      [...hostIds].flatMap((hostId) =>
        [...(hosts.get(hostId) ?? [])]
          .filter(([, known]) => isFresh(known, now))
          .map(([containerId, known]) => {
            const subject = { hostId, containerId };
            return { subject, figures: figuresOf(subject, known) };
          }),
      ),
    sweep: (now) => {
      for (const [hostId, own] of hosts) {
        for (const [containerId, known] of own) if (!isFresh(known, now)) own.delete(containerId);
        if (own.size === 0) hosts.delete(hostId);
      }
    },
  };
}

const NO_FIGURES: ReadonlyMap<string, number> = new Map();

// Not kept: some tens of microseconds to read, kilobytes to keep, and who asks for those of all hosts does so about as often as they are replaced.
function figuresOf(subject: Subject, { room, length }: Known): ReadonlyMap<string, number> {
  const samples = samplesOfStored(kindOf(subject), room.subarray(0, length));
  return samples === undefined ? NO_FIGURES : lastOf(samples);
}

/** The figures of the latest sample. */
export function lastOf(samples: Samples): ReadonlyMap<string, number> {
  return new Map([...samples.columns].map(([name, values]) => [name, values.at(-1) ?? Number.NaN]));
}
