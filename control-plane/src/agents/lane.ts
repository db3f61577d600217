/** Work of one kind for one session, one piece after the other, so that no kind waits behind another. */
export interface Lane {
  /** False when too much waits already; the work was not taken. */
  add(work: () => Promise<void>): boolean;
  /** Resolves when all that was added has been done. */
  idle(): Promise<void>;
}

/** @param onError told of work that threw; the lane goes on */
export function createLane(limit: number, onError: (error: unknown) => void): Lane {
  // The one that is worked on is the first; no promise for each, since ten thousand sessions have a piece that waits for a commit.
  const waiting: (() => Promise<void>)[] = [];
  let onIdle: (() => void)[] = [];

  function begin(work: () => Promise<void>): void {
    work().then(ended, failed);
  }

  function failed(error: unknown): void {
    onError(error);
    ended();
  }

  function ended(): void {
    waiting.shift();
    const [work] = waiting;
    if (work !== undefined) return begin(work);
    if (onIdle.length === 0) return;
    const idle = onIdle;
    onIdle = [];
    for (const tell of idle) tell();
  }

  return {
    add: (work) => {
      if (waiting.length >= limit) return false;
      waiting.push(work);
      if (waiting.length === 1) begin(work);
      return true;
    },
    idle: () => (waiting.length === 0 ? Promise.resolve() : new Promise((resolve) => onIdle.push(resolve))),
  };
}
