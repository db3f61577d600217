import type { ResourceChange } from "./model.ts";

/** One change with its place in this process's order. */
export interface NumberedChange {
  number: number;
  change: ResourceChange;
}

/**
 * The last changes that this process has seen, so that a browser whose stream broke goes on where it was. Bounded: who
 * was away for longer than the memory reaches is told to read everything again.
 */
export interface RecentChanges {
  add(change: ResourceChange): NumberedChange;
  /** From now on nothing before can be resumed: changes may have been missed. */
  forget(): void;
  /** The id that a client sends back to go on after the change of this number. */
  resumeId(number: number): string;
  /** Changes after the id, oldest first; undefined when the memory does not reach back to it. */
  since(resumeId: string): NumberedChange[] | undefined;
  latest(): number;
}

/** @param epoch names this memory: ids of another process or replica are not known here */
export function createRecentChanges(epoch: string, capacity: number): RecentChanges {
  let kept: NumberedChange[] = [];
  let number = 0;
  // The lowest number that may be resumed after.
  let floor = 0;
  return {
    add: (change) => {
      const numbered = { number: ++number, change };
      kept.push(numbered);
      // Twice the capacity before a cut: one copy per `capacity` changes instead of one per change.
      if (kept.length >= capacity * 2) {
        kept = kept.slice(-capacity);
        floor = (kept[0]?.number ?? 1) - 1;
      }
      return numbered;
    },
    forget: () => {
      kept = [];
      floor = number + 1;
      number += 1;
    },
    resumeId: (of) => `${epoch}.${of}`,
    since: (resumeId) => {
      const dot = resumeId.lastIndexOf(".");
      const text = resumeId.slice(dot + 1);
      if (resumeId.slice(0, dot) !== epoch || !/^\d{1,15}$/.test(text)) return undefined;
      const after = Number(text);
      if (after < floor || after > number) return undefined;
      return kept.filter((one) => one.number > after);
    },
    latest: () => number,
  };
}
