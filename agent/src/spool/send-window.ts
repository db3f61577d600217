/** One batch: about three seconds of a link of 100 kbit/s, so that a heartbeat is never far behind it. */
export const BATCH_BYTES: number = 32 * 1024;
/** Where a session begins, and what the slowest link comes back to: two batches on their way. */
const LEAST_WINDOW_BYTES = 2 * BATCH_BYTES;
/** Enough for a fast link with a long round trip; bounds what a session holds in memory. */
const MOST_WINDOW_BYTES = 1024 * 1024;
/** An answer within this means room for more; one commit on the other side takes most of it. */
const FAST_ACK_MS = 1_000;
/** An answer that takes this long means that the queue, not the road, is the wait. */
const SLOW_ACK_MS = 3_000;

/** How much may be on its way without an answer. Grows while answers are fast, shrinks while they are slow. */
export interface SendWindow {
  readonly bytes: number;
  answered(afterMs: number): void;
}

export function createSendWindow(): SendWindow {
  let bytes = LEAST_WINDOW_BYTES;
  return {
    get bytes() {
      return bytes;
    },
    answered: (afterMs) => {
      if (afterMs < FAST_ACK_MS) bytes = Math.min(MOST_WINDOW_BYTES, bytes + BATCH_BYTES);
      else if (afterMs > SLOW_ACK_MS) bytes = Math.max(LEAST_WINDOW_BYTES, Math.floor(bytes / 2));
    },
  };
}
