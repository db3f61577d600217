/** Work of one kind for one session, one piece after the other, so that no kind waits behind another. */
export interface Lane {
  /** False when too much waits already; the work was not taken. */
  add(work: () => Promise<void>): boolean;
  /** Resolves when all that was added has been done. */
  idle(): Promise<void>;
}

/** @param onError told of work that threw; the lane goes on */
export function createLane(limit: number, onError: (error: unknown) => void): Lane {
  let waiting = 0;
  let tail: Promise<void> = Promise.resolve();
  return {
    add: (work) => {
      if (waiting >= limit) return false;
      waiting += 1;
      tail = tail
        .then(work)
        .catch(onError)
        .finally(() => {
          waiting -= 1;
        });
      return true;
    },
    idle: () => tail,
  };
}
