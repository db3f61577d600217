/** What may be on its way without the reader's word that it took it. */
export const CREDIT_BYTES: number = 64 * 1024;

/** Flow control of one stream end to end: HTTP/2's own ends at the control plane, this one at the reader's screen. */
export interface CreditWindow {
  /** Bytes that may be sent right now; can be below zero after one large piece. */
  readonly available: number;
  /** Resolves as soon as something may be sent, or the stream is over. Counts the bytes as sent. */
  take(bytes: number): Promise<void>;
  /** The reader has taken so many more bytes. */
  grant(bytes: number): void;
  /** The stream is over: nobody waits any more. */
  close(): void;
}

export function createCreditWindow(): CreditWindow {
  let available = CREDIT_BYTES;
  let closed = false;
  let waiters: (() => void)[] = [];
  const wake = (): void => {
    const woken = waiters;
    waiters = [];
    for (const resolve of woken) resolve();
  };
  return {
    get available() {
      return available;
    },
    take: async (bytes) => {
      while (available <= 0 && !closed) await new Promise<void>((resolve) => waiters.push(resolve));
      available -= bytes;
    },
    grant: (bytes) => {
      // A reader that confirms more than it got does not earn a larger window.
      available = Math.min(CREDIT_BYTES, available + bytes);
      wake();
    },
    close: () => {
      closed = true;
      wake();
    },
  };
}
