import { type Clock, pause } from "../platform/clock.ts";

/** Runs what can be ended early, and ends it after `ms` with the error of `late`. */
export async function inTime<T>(
  clock: Clock,
  ms: number,
  late: () => Error,
  act: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const done = new AbortController();
  const tooLate = pause(clock, ms, done.signal).then(() => {
    throw late();
  });
  try {
    return await Promise.race([act(done.signal), tooLate]);
  } finally {
    done.abort();
    tooLate.catch(() => undefined);
  }
}
