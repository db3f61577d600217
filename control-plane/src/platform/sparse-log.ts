import { field, type Log } from "./log.ts";

/** Warnings that an attacker can cause at will: one line a second for each reason, and how many more there were. */
export interface SparseLog {
  warn(sentence: string, reason: string, fields?: Readonly<Record<string, unknown>>): void;
  /** Writes what was held back. */
  flush(): void;
  stop(): void;
}

const WINDOW_MS = 1_000;
// Reasons are few (codes of ours and of OpenSSL); more than this would be somebody's text.
const REASONS = 200;

export function createSparseLog(log: Log): SparseLog {
  // Presence of a reason means that its line for this second was written; the value counts those that were not.
  const heldBack = new Map<string, { sentence: string; count: number }>();

  function flush(): void {
    for (const [reason, { sentence, count }] of heldBack) {
      if (count > 0) log.warn({ [field.reason]: reason, [field.count]: count }, sentence);
    }
    heldBack.clear();
  }

  const timer = setInterval(flush, WINDOW_MS);
  timer.unref();
  return {
    warn: (sentence, reason, fields = {}) => {
      const key = heldBack.size < REASONS || heldBack.has(reason) ? reason : "other reasons";
      const held = heldBack.get(key);
      if (held !== undefined) {
        held.count++;
        return;
      }
      heldBack.set(key, { sentence, count: 0 });
      log.warn({ ...fields, [field.reason]: key }, sentence);
    },
    flush,
    stop: () => {
      clearInterval(timer);
      flush();
    },
  };
}
