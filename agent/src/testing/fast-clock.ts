import type { Clock } from "../platform/clock.ts";

/** Real time that can be made to go faster. */
export interface FastClock extends Clock {
  accelerate(rate: number): void;
}

interface Timer {
  readonly dueAt: number;
  readonly callback: () => void;
  handle: NodeJS.Timeout | undefined;
}

export function createFastClock(): FastClock {
  let rate = 1;
  let [realFrom, shownFrom] = [Date.now(), Date.now()];
  const timers = new Set<Timer>();
  const now = (): number => shownFrom + (Date.now() - realFrom) * rate;
  const arm = (timer: Timer): void => {
    clearTimeout(timer.handle);
    timer.handle = setTimeout(
      () => {
        timers.delete(timer);
        timer.callback();
      },
      Math.max(0, timer.dueAt - now()) / rate,
    );
  };
  return {
    now,
    after: (ms, callback) => {
      const timer: Timer = { dueAt: now() + ms, callback, handle: undefined };
      timers.add(timer);
      arm(timer);
      return () => {
        timers.delete(timer);
        clearTimeout(timer.handle);
      };
    },
    accelerate: (wanted) => {
      [realFrom, shownFrom] = [Date.now(), now()];
      rate = wanted;
      for (const timer of timers) arm(timer);
    },
  };
}
