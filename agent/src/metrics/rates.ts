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
      if (last === undefined) {
        lasts.set(name, { value, at, seen: true });
        return Number.NaN;
      }
      const [before, since] = [last.value, at - last.at];
      // Written over: one that is made anew for each look lives just long enough to be moved among those that stay.
      last.value = value;
      last.at = at;
      last.seen = true;
      return value < before || since <= 0 ? Number.NaN : ((value - before) * 1_000) / since;
    },
    sweep: () => {
      for (const [name, last] of lasts) {
        if (last.seen) last.seen = false;
        else lasts.delete(name);
      }
    },
  };
}
