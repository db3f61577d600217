import { systemClock, type Clock } from "../platform/index.ts";

export interface JumpingClock extends Clock {
  /** Lets so much time have passed. */
  jump(ms: number): void;
}

/** Real time, with waits that a test can cut short. */
export function jumpingClock(): JumpingClock {
  let shiftMs = 0;
  const sleepers = new Set<{ atMs: number; wake: () => void }>();
  const nowMs = (): number => Date.now() + shiftMs;
  return {
    now: () => new Date(nowMs()),
    monotonicMs: () => performance.now() + shiftMs,
    sleep: async (ms, signal) => {
      const jumped = new AbortController();
      const sleeper = { atMs: nowMs() + ms, wake: () => jumped.abort() };
      sleepers.add(sleeper);
      const either = signal === undefined ? jumped.signal : AbortSignal.any([jumped.signal, signal]);
      try {
        await systemClock.sleep(ms, either);
      } catch (error) {
        if (signal?.aborted === true) throw error;
      } finally {
        sleepers.delete(sleeper);
      }
    },
    jump: (ms) => {
      shiftMs += ms;
      for (const sleeper of sleepers) if (sleeper.atMs <= nowMs()) sleeper.wake();
    },
  };
}
