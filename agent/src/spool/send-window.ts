/** One batch: about three seconds of a link of 100 kbit/s, so that a heartbeat is never far behind it. */
export const BATCH_BYTES: number = 32 * 1024;
/**
 * Batches on their way without an answer, however small: the control plane stores those of a host one after the other, and ends a session
 * that sends twice as many. What is not sent yet goes together into the next one.
 */
export const BATCHES_ON_THE_WAY = 4;
/** Where a session begins, and what the slowest link comes back to: two batches on their way. */
const LEAST_WINDOW_BYTES = 2 * BATCH_BYTES;
/** All batches that may be on their way. */
const MOST_WINDOW_BYTES = BATCHES_ON_THE_WAY * BATCH_BYTES;
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
