import { commonErrors, ProblemError, type Clock } from "../platform/index.ts";

/** Counts attempts by a key within a window of time. */
export interface RateLimiter {
  /** Counts one attempt. Throws WF_RATE_LIMITED beyond the limit. */
  take(key: string): void;
  /** Forgets the attempts, after a success. */
  forget(key: string): void;
}

// An attacker with many addresses must not fill the memory: the oldest keys are forgotten.
const KEYS = 10_000;

export function createRateLimiter(options: { attempts: number; windowMs: number; clock: Clock }): RateLimiter {
  const { attempts, windowMs, clock } = options;
  const counted = new Map<string, { count: number; untilMs: number }>();
  return {
    take: (key) => {
      const nowMs = clock.monotonicMs();
      const current = counted.get(key);
      const entry =
        current !== undefined && current.untilMs > nowMs ? current : { count: 0, untilMs: nowMs + windowMs };
      entry.count++;
      counted.delete(key);
      counted.set(key, entry);
      for (const oldest of counted.keys()) {
        if (counted.size <= KEYS) break;
        counted.delete(oldest);
      }
      if (entry.count <= attempts) return;
      const seconds = Math.ceil((entry.untilMs - nowMs) / 1000);
      throw new ProblemError({
        code: commonErrors.WF_RATE_LIMITED,
        detail: `too many attempts; try again in ${seconds} s`,
      });
    },
    forget: (key) => {
      counted.delete(key);
    },
  };
}
