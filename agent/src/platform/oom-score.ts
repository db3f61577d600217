import { readFileSync, writeFileSync } from "node:fs";

/** Of 1000: when a host has no memory left, the kernel ends the agent before anything that runs on it; it is back two seconds later. */
const OOM_SCORE = 900;
const FILE = "/proc/self/oom_score_adj";

/**
 * Offers the agent to the kernel first. Where a service manager has set it already, nothing is changed; raising it needs no right.
 * @returns what holds now; undefined where the kernel has no such thing.
 */
export function offerToKernelFirst(): number | undefined {
  try {
    const current = Number(readFileSync(FILE, "utf8"));
    if (current >= OOM_SCORE) return current;
    writeFileSync(FILE, String(OOM_SCORE));
    return OOM_SCORE;
  } catch {
    return undefined;
  }
}
