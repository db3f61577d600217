import { setImmediate as nextTurn } from "node:timers/promises";

/** To be awaited between pieces of work, each of them short. */
export type Breathe = () => Promise<void>;

// A command to a host must not stand behind figures: it has 25 ms for all of its way.
const LONGEST_MS = 4;

/** Lets everybody else have the thread whenever the work since then took a few milliseconds. */
export function breather(): Breathe {
  let until = performance.now() + LONGEST_MS;
  return async () => {
    if (performance.now() < until) return;
    await nextTurn();
    until = performance.now() + LONGEST_MS;
  };
}
