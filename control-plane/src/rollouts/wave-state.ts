import { isEnded, type Rollout, type RolloutHost } from "./model.ts";

export type WaveState = "pending" | "awaiting-approval" | "running" | "passed" | "failed" | "cancelled" | "rolled-back";

/**
 * Where a wave stands, derived from what happened to it and to its hosts.
 * @param index 0-based
 */
export function waveState(rollout: Rollout, hosts: readonly RolloutHost[], index: number): WaveState {
  return waveStateOf(rollout, index, (state) => hosts.some((host) => host.wave === index + 1 && host.state === state));
}

/** The same with only the knowledge of whether some host of the wave is in a state. */
export function waveStateOf(
  rollout: Pick<Rollout, "waves" | "state" | "rollBackReason" | "strategy">,
  index: number,
  hasHost: (state: "failed") => boolean,
): WaveState {
  const wave = rollout.waves[index];
  if (wave === undefined) return "pending";
  if (rollout.rollBackReason !== undefined) return wave.startedAt === undefined ? "cancelled" : "rolled-back";
  if (wave.passedAt !== undefined) return "passed";
  if (isEnded(rollout.state)) return endedWave(rollout.state, wave.startedAt !== undefined, hasHost("failed"));
  if (wave.startedAt !== undefined) return "running";
  return wave.askedAt !== undefined && wave.approvedAt === undefined ? "awaiting-approval" : "pending";
}

function endedWave(state: Rollout["state"], isStarted: boolean, hasFailed: boolean): WaveState {
  if (state === "succeeded" && isStarted) return "passed";
  return state === "failed" && isStarted && hasFailed ? "failed" : "cancelled";
}
