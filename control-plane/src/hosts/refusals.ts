import type { Clock } from "../platform/index.ts";

/** Counts refused enrolments by address, so that guessing is slow and a broken installer does not fill the log. */
export interface Refusals {
  /** True when the address has to wait. */
  tooMany(address: string): boolean;
  count(address: string): void;
}

// A person mistypes a few times; a script that guesses does not notice a limit ten times as large.
const REFUSALS_PER_WINDOW = 20;
const WINDOW_MS = 60_000;
// An attacker with many addresses must not make the memory grow; the oldest are forgotten first.
const MAX_ADDRESSES = 10_000;

export function createRefusals(clock: Clock): Refusals {
  const windows = new Map<string, { startedMs: number; count: number }>();
  const current = (address: string): { startedMs: number; count: number } | undefined => {
    const window = windows.get(address);
    if (window === undefined || clock.monotonicMs() - window.startedMs < WINDOW_MS) return window;
    windows.delete(address);
    return undefined;
  };
  return {
    tooMany: (address) => (current(address)?.count ?? 0) >= REFUSALS_PER_WINDOW,
    count: (address) => {
      const window = current(address);
      if (window !== undefined) {
        window.count += 1;
        return;
      }
      if (windows.size >= MAX_ADDRESSES) {
        const oldest = windows.keys().next();
        if (!oldest.done) windows.delete(oldest.value);
      }
      windows.set(address, { startedMs: clock.monotonicMs(), count: 1 });
    },
  };
}
