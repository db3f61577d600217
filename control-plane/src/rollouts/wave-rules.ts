import { beginHosts } from "./plan-begin.ts";
import { summarize } from "./plan-summary.ts";
import { progressWaves } from "./plan-wave-progress.ts";

/** How waves go on, whatever is brought to their hosts: for other domains whose planners are given them. */
export interface WaveRules {
  readonly progressWaves: typeof progressWaves;
  readonly beginHosts: typeof beginHosts;
  readonly summarize: typeof summarize;
}

export const waveRules: WaveRules = { progressWaves, beginHosts, summarize };
