import { commonErrors, isProblem, type Clock } from "../platform/index.ts";

// A database that is away for a moment costs a delay, nothing else.
const RETRY_BASE_MS = 500;
const RETRY_MAX_MS = 10_000;

/** True for a failure that says nothing about what was asked: the database was away or too slow. */
export function isPassing(error: unknown): boolean {
  return isProblem(error, commonErrors.WF_DATABASE_UNAVAILABLE) || isProblem(error, commonErrors.WF_DEADLINE_EXCEEDED);
}

/**
 * Does the work again, ever more slowly, while it fails for a reason that passes. Rejects with any other failure, and
 * when the signal aborts.
 * @param obsolete asked before each repetition; true gives up silently
 */
export async function retryPassing<Result>(
  clock: Clock,
  signal: AbortSignal,
  work: () => Promise<Result>,
  obsolete: () => boolean = () => false,
): Promise<Result | undefined> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await work();
    } catch (error) {
      if (!isPassing(error)) throw error;
      await clock.sleep(Math.min(RETRY_MAX_MS, RETRY_BASE_MS * 2 ** attempt), signal);
      if (obsolete()) return undefined;
    }
  }
}
