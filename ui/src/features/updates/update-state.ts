import type {
  AgentUpdate,
  AgentUpdate_State,
  AgentUpdateHost,
  AgentUpdateHost_State,
  AgentUpdateWave,
} from "@windflow/proto/client";
import type { Tone } from "../../kit/tone.ts";
import type { WaveWord } from "../rollouts/rollout-state.ts";
import type { WaveView } from "../rollouts/wave-view.ts";

export type UpdateWord =
  | "unknown"
  | "running"
  | "waiting"
  | "paused"
  | "succeeded"
  | "failed"
  | "cancelled"
  | "superseded";
const WORDS: Record<AgentUpdate_State, UpdateWord> = {
  STATE_UNSPECIFIED: "unknown",
  STATE_RUNNING: "running",
  STATE_WAITING: "waiting",
  STATE_PAUSED: "paused",
  STATE_SUCCEEDED: "succeeded",
  STATE_FAILED: "failed",
  STATE_CANCELLED: "cancelled",
  STATE_SUPERSEDED: "superseded",
};
export const UPDATE_TONES: Record<UpdateWord, Tone> = {
  unknown: "idle",
  running: "busy",
  waiting: "warn",
  paused: "warn",
  succeeded: "ok",
  failed: "bad",
  cancelled: "idle",
  superseded: "idle",
};
export const updateWord = (state: AgentUpdate_State | undefined): UpdateWord => WORDS[state ?? "STATE_UNSPECIFIED"];

export type UpdateHostWord =
  | "unknown"
  | "pending"
  | "notReached"
  | "sent"
  | "downloading"
  | "staged"
  | "proving"
  | "succeeded"
  | "reverted"
  | "refused"
  | "timedOut"
  | "cancelled";
const HOST_WORDS: Record<AgentUpdateHost_State, UpdateHostWord> = {
  STATE_UNSPECIFIED: "unknown",
  STATE_PENDING: "pending",
  STATE_NOT_REACHED: "notReached",
  STATE_DOWNLOADING: "downloading",
  STATE_STAGED: "staged",
  STATE_PROVING: "proving",
  STATE_SUCCEEDED: "succeeded",
  STATE_REVERTED: "reverted",
  STATE_REFUSED: "refused",
  STATE_CANCELLED: "cancelled",
  STATE_SENT: "sent",
  STATE_TIMED_OUT: "timedOut",
};
export const UPDATE_HOST_TONES: Record<UpdateHostWord, Tone> = {
  unknown: "idle",
  pending: "idle",
  notReached: "warn",
  sent: "busy",
  downloading: "busy",
  staged: "busy",
  proving: "busy",
  succeeded: "ok",
  reverted: "bad",
  refused: "bad",
  timedOut: "bad",
  cancelled: "idle",
};
export const updateHostWord = (host: AgentUpdateHost): UpdateHostWord => HOST_WORDS[host.state ?? "STATE_UNSPECIFIED"];

/** Something is being done on the host now. */
export const MOVING: ReadonlySet<UpdateHostWord> = new Set<UpdateHostWord>([
  "sent",
  "downloading",
  "staged",
  "proving",
]);

/** Hosts as a person looks for them, with the states that the API is asked for. */
export const UPDATE_GROUPS = {
  all: [],
  failed: ["STATE_REVERTED", "STATE_REFUSED", "STATE_TIMED_OUT"],
  underWay: ["STATE_SENT", "STATE_DOWNLOADING", "STATE_STAGED", "STATE_PROVING"],
  notReached: ["STATE_NOT_REACHED"],
  pending: ["STATE_PENDING"],
  succeeded: ["STATE_SUCCEEDED"],
  cancelled: ["STATE_CANCELLED"],
} as const satisfies Record<string, readonly AgentUpdateHost_State[]>;
export type UpdateGroup = keyof typeof UPDATE_GROUPS;

export const groupCount = (update: AgentUpdate, group: UpdateGroup): number | undefined =>
  ({
    all: update.hostsTotal ?? 0,
    failed: update.hostsFailed ?? 0,
    underWay: update.hostsUnderWay ?? 0,
    notReached: update.hostsNotReached ?? 0,
    pending: update.hostsPending ?? 0,
    succeeded: update.hostsSucceeded ?? 0,
    cancelled: undefined,
  })[group];

/** Parts of the whole, in the order in which they are drawn; those of no host are left out. */
export function updateParts(update: AgentUpdate): { key: keyof typeof PART_TONES; tone: Tone; count: number }[] {
  return (Object.keys(PART_TONES) as (keyof typeof PART_TONES)[])
    .map((key) => ({ key, tone: PART_TONES[key], count: groupCount(update, key) ?? 0 }))
    .filter((part) => part.count > 0 || part.key === "succeeded");
}
const PART_TONES = { succeeded: "ok", failed: "bad", underWay: "busy", notReached: "warn", pending: "idle" } as const;

const WAVE_WORDS: Record<string, WaveWord> = {
  pending: "pending",
  "awaiting-approval": "awaitingApproval",
  running: "running",
  passed: "passed",
  failed: "failed",
  cancelled: "cancelled",
};
const waveWord = (wave: AgentUpdateWave): WaveWord => WAVE_WORDS[wave.state ?? ""] ?? "unknown";
export const wavesOfUpdate = (update: AgentUpdate): WaveView[] =>
  (update.waves ?? []).map(({ state: _state, ...wave }, index) => {
    const word = waveWord((update.waves ?? [])[index] ?? {});
    return { ...wave, word, hostsUnderWay: word === "running" ? (update.hostsUnderWay ?? 0) : 0, hostsRolledBack: 0 };
  });

const GOES_ON: ReadonlySet<UpdateWord> = new Set<UpdateWord>(["running", "waiting", "paused"]);
/** Whether the update may still change. */
export const updateGoesOn = (update: AgentUpdate): boolean => GOES_ON.has(updateWord(update.state));

/** What may be done with an update in the state that it is in. The control plane has the last word. */
export interface UpdateActs {
  pause: boolean;
  resume: boolean;
  cancel: boolean;
  retry: boolean;
  /** The wave that waits for approval; 0 when none does. */
  approve: number;
}
export function updateActs(update: AgentUpdate): UpdateActs {
  const word = updateWord(update.state);
  const goesOn = GOES_ON.has(word);
  const awaiting = (update.waves ?? []).find((wave) => waveWord(wave) === "awaitingApproval");
  return {
    pause: goesOn && word !== "paused",
    resume: word === "paused",
    cancel: goesOn,
    retry: (goesOn || word === "failed") && (update.hostsFailed ?? 0) > 0,
    approve: goesOn ? (awaiting?.number ?? 0) : 0,
  };
}
