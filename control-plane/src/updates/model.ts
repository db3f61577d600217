import type { AgentBuild } from "../hosts/index.ts";
import type { HostWindow, RolloutState, RolloutStrategy, RolloutWait, WaveStanding } from "../rollouts/index.ts";

/** Where an update of agents stands: as a rollout, without the way back, which each agent goes by itself. */
export type UpdateState = Exclude<RolloutState, "rolling-back" | "rolled-back">;

/**
 * Where one host stands. `sent`: told, no answer yet. `reverted`: its old agent runs again. `timed-out`: no news within
 * its time; what comes later still counts while the update is under way.
 */
export type UpdateHostState =
  | "pending"
  | "not-reached"
  | "sent"
  | "downloading"
  | "staged"
  | "proving"
  | "succeeded"
  | "reverted"
  | "refused"
  | "timed-out"
  | "cancelled";

export type ReportState = "downloading" | "staged" | "proving" | "succeeded" | "reverted" | "refused";

/** What a host's agent said last of one attempt. Times are ours, milliseconds since 1970. */
export interface AgentReport {
  readonly attempt: string;
  readonly state: ReportState;
  readonly cause: string;
  readonly code: string;
  readonly bytesDone: number;
  readonly bytesTotal: number;
  readonly receivedAt: number;
  /** When the state or the bytes last changed. */
  readonly movedAt: number;
}

/** What an update brings, as it was when it was made. */
export interface ReleaseFacts {
  /** SHA-256 of the checksums, hex. */
  readonly id: string;
  readonly version: string;
  readonly commit: string;
  readonly development: boolean;
  readonly protocolMin: number;
  readonly protocolMax: number;
  /** RFC 3339; empty when the release does not say. */
  readonly releasedAt: string;
  readonly files: readonly ReleaseFile[];
}

export interface ReleaseFile {
  readonly name: string;
  /** "x64", "arm64"; empty: for every host. */
  readonly arch: string;
  readonly sizeBytes: number;
  /** Hex. */
  readonly sha256: string;
}

export interface AgentUpdate {
  readonly id: string;
  readonly release: ReleaseFacts;
  readonly state: UpdateState;
  readonly cause: string;
  readonly strategy: RolloutStrategy;
  /** Wave n is at n - 1. Never empty. */
  readonly waves: readonly WaveStanding[];
  readonly waitingFor?: RolloutWait;
  readonly waitingUntil?: number;
  readonly paused?: { readonly by: string; readonly reason: string };
  readonly excusedFailures: number;
  readonly ignoreWindows: boolean;
  readonly cancelReason?: string;
}

export interface UpdateHost {
  readonly hostId: string;
  readonly hostName: string;
  /** 1-based. */
  readonly wave: number;
  readonly state: UpdateHostState;
  readonly cause: string;
  readonly fromVersion: string;
  readonly retries: number;
  /** It was told, in this attempt. */
  readonly begun: boolean;
  readonly toldAt?: number;
  readonly windowOpensAt?: number;
  /** A newer update has the host now. */
  readonly supersededBy?: string;
  readonly startedAt?: number;
  readonly endedAt?: number;
  readonly report?: AgentReport;
}

/** What is known of a host at the time of planning. */
export interface UpdateHostView {
  readonly reach: "reached" | "uncertain" | "not-reached" | "gone";
  readonly reachCause: string;
  /** Milliseconds since 1970: since when its session is open without interruption. */
  readonly reachedSince?: number;
  /** What its agent said that it is when it last connected. */
  readonly runs: AgentBuildFacts;
  readonly window?: HostWindow;
}

export interface AgentBuildFacts {
  readonly version: string;
  /** Absent: it does not say what it was built from, or has never connected. */
  readonly build?: AgentBuild;
}

const OPEN_STATES: readonly UpdateState[] = ["pending", "running", "waiting", "paused"];
export const OPEN_HOST_STATES: readonly UpdateHostState[] = [
  "pending",
  "not-reached",
  "sent",
  "downloading",
  "staged",
  "proving",
];
const FAILED_STATES: readonly UpdateHostState[] = ["reverted", "refused", "timed-out"];

export const isUpdateEnded = (state: UpdateState): boolean => !OPEN_STATES.includes(state);
export const isHostOver = (state: UpdateHostState): boolean => !OPEN_HOST_STATES.includes(state);

/** It was tried and is not what it should be. A host that cannot take updates at all was not tried: it eats no budget. */
export function isFailed(host: Pick<UpdateHost, "state" | "begun">): boolean {
  return host.begun && FAILED_STATES.includes(host.state);
}

/** The agent is told to become the release: while this holds, and no longer. */
export function isWanted(host: Pick<UpdateHost, "begun" | "state">): boolean {
  return host.begun && !isHostOver(host.state);
}

/** What the host is told that the attempt is: another one makes its agent try again what it gave up. */
export function attemptOf(updateId: string, host: Pick<UpdateHost, "retries">): string {
  return host.retries === 0 ? updateId : `${updateId}.${host.retries}`;
}

export function updateOfAttempt(attempt: string): string {
  return attempt.split(".")[0] ?? "";
}
