import type { Rollout, Rollout_State, RolloutHost_State, RolloutWave_State } from "@windflow/proto/client";
import type { Tone } from "../../kit/tone.ts";

export type RolloutWord =
  | "unknown"
  | "pending"
  | "running"
  | "succeeded"
  | "failed"
  | "cancelled"
  | "superseded"
  | "waiting"
  | "paused"
  | "rollingBack"
  | "rolledBack";
export type RolloutHostWord =
  | "unknown"
  | "pending"
  | "notReached"
  | "applying"
  | "checkingHealth"
  | "succeeded"
  | "failed"
  | "cancelled"
  | "rollingBack"
  | "rolledBack"
  | "rollbackFailed";

const WORDS: Record<Rollout_State, RolloutWord> = {
  STATE_UNSPECIFIED: "unknown",
  STATE_PENDING: "pending",
  STATE_RUNNING: "running",
  STATE_SUCCEEDED: "succeeded",
  STATE_FAILED: "failed",
  STATE_CANCELLED: "cancelled",
  STATE_SUPERSEDED: "superseded",
  STATE_WAITING: "waiting",
  STATE_PAUSED: "paused",
  STATE_ROLLING_BACK: "rollingBack",
  STATE_ROLLED_BACK: "rolledBack",
};
const HOST_WORDS: Record<RolloutHost_State, RolloutHostWord> = {
  STATE_UNSPECIFIED: "unknown",
  STATE_PENDING: "pending",
  STATE_NOT_REACHED: "notReached",
  STATE_APPLYING: "applying",
  STATE_CHECKING_HEALTH: "checkingHealth",
  STATE_SUCCEEDED: "succeeded",
  STATE_FAILED: "failed",
  STATE_CANCELLED: "cancelled",
  STATE_ROLLING_BACK: "rollingBack",
  STATE_ROLLED_BACK: "rolledBack",
  STATE_ROLLBACK_FAILED: "rollbackFailed",
};
/** Every state that a host can be said to be in. */
export const HOST_STATES = (Object.keys(HOST_WORDS) as RolloutHost_State[]).filter(
  (state) => state !== "STATE_UNSPECIFIED",
);
export type WaveWord =
  | "unknown"
  | "pending"
  | "awaitingApproval"
  | "running"
  | "passed"
  | "failed"
  | "cancelled"
  | "rolledBack";
const WAVE_WORDS: Record<RolloutWave_State, WaveWord> = {
  STATE_UNSPECIFIED: "unknown",
  STATE_PENDING: "pending",
  STATE_AWAITING_APPROVAL: "awaitingApproval",
  STATE_RUNNING: "running",
  STATE_PASSED: "passed",
  STATE_FAILED: "failed",
  STATE_CANCELLED: "cancelled",
  STATE_ROLLED_BACK: "rolledBack",
};
export const WAVE_TONES: Record<WaveWord, Tone> = {
  unknown: "idle",
  pending: "idle",
  awaitingApproval: "warn",
  running: "busy",
  passed: "ok",
  failed: "bad",
  cancelled: "idle",
  rolledBack: "warn",
};
export const waveWord = (state: RolloutWave_State | undefined): WaveWord => WAVE_WORDS[state ?? "STATE_UNSPECIFIED"];
export const ROLLOUT_TONES: Record<RolloutWord | RolloutHostWord, Tone> = {
  unknown: "idle",
  pending: "busy",
  running: "busy",
  applying: "busy",
  checkingHealth: "busy",
  succeeded: "ok",
  failed: "bad",
  cancelled: "idle",
  superseded: "idle",
  waiting: "warn",
  notReached: "warn",
  paused: "warn",
  rollingBack: "busy",
  rolledBack: "warn",
  rollbackFailed: "bad",
};
/** A host that is not begun yet is at rest; a rollout that has not begun is about to move. */
export const hostTone = (word: RolloutHostWord): Tone => (word === "pending" ? "idle" : ROLLOUT_TONES[word]);
export const rolloutWord = (state: Rollout_State | undefined): RolloutWord => WORDS[state ?? "STATE_UNSPECIFIED"];
export const hostWord = (state: RolloutHost_State | undefined): RolloutHostWord =>
  HOST_WORDS[state ?? "STATE_UNSPECIFIED"];

const UNDER_WAY: ReadonlySet<RolloutWord> = new Set<RolloutWord>([
  "pending",
  "running",
  "waiting",
  "paused",
  "rollingBack",
]);
/** Whether the rollout may still change. */
export function underWay(rollout: Rollout | undefined): boolean {
  return rollout !== undefined && UNDER_WAY.has(rolloutWord(rollout.state));
}
/** States in which something is being done now. */
export const PULSING: ReadonlySet<RolloutWord> = new Set<RolloutWord>(["pending", "running", "rollingBack"]);
