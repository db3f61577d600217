import { ProblemError } from "../platform/index.ts";
import { updatesErrors } from "./errors.ts";

/** Who wants to read a file of a release, and for how long. */
export interface Reader {
  readonly organizationId: string;
  readonly hostId: string;
  readonly signal: AbortSignal;
}

/** Leave to read. */
export interface Place {
  /** Aborts with the reader's own, and when its host has begun to read anew. */
  readonly signal: AbortSignal;
  /** To be called once the bytes are sent; again is no harm. */
  readonly leave: () => void;
}

/**
 * Who may read now, when more want to than can. An organization gets places as long as it has fewer than are free, so that whatever
 * the others hold there is one left for it; those that wait are served in turns, one of each organization.
 */
export interface Turns {
  /** Waits for a place. Rejects when the reader's signal aborts, and with WF_UPDATE_FETCHED_ANEW when its host reads anew meanwhile. */
  take(reader: Reader): Promise<Place>;
}

/** An agent reads one file at a time. The other may be one whose link has died, which is noticed later here than there. */
const READS_OF_HOST = 2;

interface Read {
  readonly reader: Reader;
  readonly ended: AbortController;
  /** It waits: gives it its place, or ends the wait. */
  begin: (() => void) | undefined;
  over: boolean;
}

/** @param most places that there are */
export function createTurns(most: number): Turns {
  let free = most;
  const held = new Map<string, number>();
  /** In the order in which organizations have their turn; none without anybody. */
  const waiting = new Map<string, Read[]>();
  /** The oldest first, those that wait too. */
  const readsOf = new Map<string, Read[]>();

  function leave(read: Read): void {
    if (read.over) return;
    read.over = true;
    const { organizationId, hostId } = read.reader;
    if (read.begin === undefined) {
      free += 1;
      count(held, organizationId, -1);
    } else drop(waiting, organizationId, read);
    drop(readsOf, hostId, read);
    serve();
  }

  function serve(): void {
    for (;;) {
      const next = [...waiting].find(([organizationId]) => (held.get(organizationId) ?? 0) < free);
      if (next === undefined) return;
      const [organizationId, [read, ...others]] = next;
      // To the end of the line with those that are left.
      waiting.delete(organizationId);
      if (others.length > 0) waiting.set(organizationId, others);
      free -= 1;
      count(held, organizationId, 1);
      const begin = read?.begin;
      if (read !== undefined) read.begin = undefined;
      begin?.();
    }
  }

  return {
    take: (reader) => {
      const read: Read = { reader, ended: new AbortController(), begin: undefined, over: false };
      const signal = AbortSignal.any([reader.signal, read.ended.signal]);
      return new Promise<Place>((resolve, reject) => {
        signal.throwIfAborted();
        read.begin = () => resolve({ signal, leave: () => leave(read) });
        // Also of one that reads: who does not take its bytes any more would never come to its end.
        const end = (): void => {
          reject(signal.reason as Error);
          leave(read);
        };
        signal.addEventListener("abort", end, { once: true });
        append(waiting, reader.organizationId, read);
        const own = append(readsOf, reader.hostId, read);
        if (own.length > READS_OF_HOST)
          own[0]?.ended.abort(new ProblemError({ code: updatesErrors.WF_UPDATE_FETCHED_ANEW }));
        serve();
      });
    },
  };
}

function count(counts: Map<string, number>, key: string, more: number): void {
  const now = (counts.get(key) ?? 0) + more;
  if (now > 0) counts.set(key, now);
  else counts.delete(key);
}

function append(lists: Map<string, Read[]>, key: string, read: Read): Read[] {
  const list = [...(lists.get(key) ?? []), read];
  lists.set(key, list);
  return list;
}

function drop(lists: Map<string, Read[]>, key: string, read: Read): void {
  const left = (lists.get(key) ?? []).filter((one) => one !== read);
  if (left.length > 0) lists.set(key, left);
  else lists.delete(key);
}
