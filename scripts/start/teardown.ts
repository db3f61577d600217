interface Act {
  what: string;
  undo: () => Promise<void>;
}

/** What was started, to be ended in the reverse order. */
export interface Teardown {
  /** `what` is told when its turn comes; "" is done silently. After run() the act is undone at once. */
  add(what: string, undo: () => Promise<void>): void;
  /** Ends everything once, however often it is called; goes on after a failure and gives what could not be ended. */
  run(): Promise<string[]>;
}

export function createTeardown(say: (line: string) => void): Teardown {
  const acts: Act[] = [];
  const failures: string[] = [];
  let running: Promise<string[]> | undefined;
  const undoOne = async ({ what, undo }: Act): Promise<void> => {
    if (what !== "") say(`stopping ${what} …`);
    await undo().catch((error: unknown) => {
      failures.push(`${what}: ${error instanceof Error ? error.message : String(error)}`);
    });
  };
  const undoAll = async (): Promise<string[]> => {
    for (let act = acts.pop(); act !== undefined; act = acts.pop()) await undoOne(act);
    return failures;
  };
  return {
    add: (what, undo) => {
      acts.push({ what, undo });
      // A start that was interrupted may still finish the step it was in.
      if (running !== undefined) running = running.then(undoAll);
    },
    run: () => (running ??= undoAll()),
  };
}
