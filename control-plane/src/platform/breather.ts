import { setImmediate as nextTurn, setTimeout as rest } from "node:timers/promises";

/** To be awaited between pieces of work, each of them short. */
export type Breathe = () => Promise<void>;

// A command to a host must not stand behind figures: it has 25 ms for all of its way.
const LONGEST_MS = 4;

/**
 * Lets everybody else have the thread whenever a few milliseconds have gone by since they last had it from here.
 * @param restMs how long is rested then; asked each time. 0: only until all that waited for the thread had it
 */
export function breather(restMs: () => number = () => 0): Breathe {
  let until = performance.now() + LONGEST_MS;
  return async () => {
    if (performance.now() < until) return;
    const ms = restMs();
    await (ms > 0 ? rest(ms) : nextTurn());
    until = performance.now() + LONGEST_MS;
  };
}
