import type { Clock } from "../platform/clock.ts";

/** What may go at once after a pause: keeps a small limit from cutting every message into a wait. */
const BURST_SECONDS = 1;
const LEAST_BURST_BYTES = 2_048;

/**
 * Bytes of one class in one direction. Whoever asks waits until there is no debt, then sends what it has and is charged for it: a
 * message larger than the limit of a second delays the ones after it.
 */
export interface Bucket {
  /** undefined: no limit; 0: nothing goes. */
  readonly bytesPerSecond: number | undefined;
  setLimit(bytesPerSecond: number | undefined): void;
  spend(bytes: number): void;
  /** Something may go now. */
  readonly isReady: boolean;
  /** undefined when something may go now; else resolves when it is this caller's turn, or the signal aborts. */
  wait(signal?: AbortSignal): Promise<void> | undefined;
}

export function createBucket(clock: Clock): Bucket {
  let limit: number | undefined;
  let available = 0;
  let refilledAt = clock.now();
  let cancelTimer: (() => void) | undefined;
  const waiting: (() => void)[] = [];

  const burst = (): number => Math.max(LEAST_BURST_BYTES, (limit ?? 0) * BURST_SECONDS);
  const refill = (): void => {
    const now = clock.now();
    // A clock that is set back gives nothing, and takes nothing away.
    const elapsedMs = Math.max(0, now - refilledAt);
    refilledAt = now;
    if (limit !== undefined) available = Math.min(burst(), available + (elapsedMs * limit) / 1_000);
  };
  const mayGo = (): boolean => {
    if (limit === undefined) return true;
    refill();
    return limit > 0 && available > 0;
  };
  const wakeNext = (): void => {
    cancelTimer?.();
    cancelTimer = undefined;
    if (waiting.length === 0) return;
    if (mayGo()) {
      waiting.shift()?.();
      // The next one after this one has spent.
      cancelTimer = clock.after(0, wakeNext);
    } else if (limit !== undefined && limit > 0) {
      cancelTimer = clock.after(Math.ceil(((1 - available) * 1_000) / limit), wakeNext);
    }
  };

  return {
    get bytesPerSecond() {
      return limit;
    },
    setLimit: (bytesPerSecond) => {
      if (bytesPerSecond === limit) return;
      refill();
      limit = bytesPerSecond;
      // A debt of a slower hour does not weigh on a faster one for longer than it would have made it.
      available = limit === undefined ? 0 : Math.min(burst(), Math.max(available, -limit * BURST_SECONDS));
      wakeNext();
    },
    spend: (bytes) => {
      if (limit === undefined) return;
      refill();
      available -= bytes;
    },
    get isReady() {
      return waiting.length === 0 && mayGo();
    },
    wait: (signal) => {
      if (signal?.aborted === true || (waiting.length === 0 && mayGo())) return undefined;
      return new Promise((resolve) => {
        const done = (): void => {
          signal?.removeEventListener("abort", leave);
          resolve();
        };
        const leave = (): void => {
          const place = waiting.indexOf(done);
          if (place >= 0) waiting.splice(place, 1);
          done();
        };
        waiting.push(done);
        signal?.addEventListener("abort", leave, { once: true });
        if (cancelTimer === undefined) wakeNext();
      });
    },
  };
}
