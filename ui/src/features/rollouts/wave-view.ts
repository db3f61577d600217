import type { Rollout, RolloutWave } from "@windflow/proto/client";
import { countWaves } from "./host-rows.ts";
import { waveWord, type WaveWord } from "./rollout-state.ts";

/** A wave as it is drawn, of a rollout or of an update of agents. */
export interface WaveView extends Omit<RolloutWave, "state"> {
  word: WaveWord;
  hostsUnderWay: number;
  hostsRolledBack: number;
}

/** The waves of a rollout. Who is under way is counted over the hosts that the message carries: those come first in it. */
export function wavesOf(rollout: Rollout): WaveView[] {
  const byWave = countWaves(rollout.hosts ?? []);
  return (rollout.waves ?? []).map(({ state, ...wave }) => {
    const counts = byWave.get(wave.number ?? 0);
    return {
      ...wave,
      word: waveWord(state),
      hostsUnderWay: counts?.get("underWay") ?? 0,
      hostsRolledBack: counts?.get("rolledBack") ?? 0,
    };
  });
}
