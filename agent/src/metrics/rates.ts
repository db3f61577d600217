/** Turns counters that only grow into rates per second. */
export interface RateMeter {
  /**
   * @param at milliseconds since the epoch.
   * @returns NaN at the first look, and when the counter or the clock went back (a reset, not a negative rate).
   */
  rate(name: string, value: number, at: number): number;
  /** Forgets counters that were not looked at since the last call. */
  sweep(): void;
}

interface Last {
  value: number;
  at: number;
  seen: boolean;
}

export function createRateMeter(): RateMeter {
  const lasts = new Map<string, Last>();
  return {
    rate: (name, value, at) => {
      const last = lasts.get(name);
      lasts.set(name, { value, at, seen: true });
      if (last === undefined || value < last.value || at <= last.at) return Number.NaN;
      return ((value - last.value) * 1_000) / (at - last.at);
    },
    sweep: () => {
      for (const [name, last] of lasts) {
        if (last.seen) last.seen = false;
        else lasts.delete(name);
      }
    },
  };
}
