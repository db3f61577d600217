import type { ServiceState } from "@windflow/core";

export type { ServiceState } from "@windflow/core";

export interface ServiceStatus {
  readonly service: string;
  readonly state: ServiceState;
  /** Why, in a sentence with its evidence. */
  readonly cause: string;
  readonly since?: Date;
  readonly containersRunning: number;
  readonly containersWanted: number;
  /** 0 to 100 while an image is pulled. */
  readonly pullPercent?: number;
  readonly containerIds: readonly string[];
}

/** One host's part of a stack. */
export interface HostStackStatus {
  readonly hostId: string;
  readonly hostName: string;
  /** Revision that the host reports; 0 when none. */
  readonly observedRevision: number;
  readonly desiredRevision: number;
  readonly state: ServiceState;
  readonly cause: string;
  readonly observedAt?: Date;
  readonly services: readonly ServiceStatus[];
}

export interface StackStatus {
  /** Worst of all hosts; absent when the stack is on no host. */
  readonly state?: ServiceState;
  /** e.g. "47 ok, 1 failed, 2 not reached since 14:02 UTC". */
  readonly summary: string;
  readonly hostsOk: number;
  readonly hostsFailed: number;
  readonly hostsNotReached: number;
  readonly hostsInProgress: number;
  readonly hosts: readonly HostStackStatus[];
}

/** Everything that a host's part of a stack is derived from. */
export interface HostStackFacts {
  readonly hostId: string;
  readonly hostName: string;
  readonly presence: "never-seen" | "online" | "stale" | "offline" | "quarantined" | "revoked";
  readonly presenceCause: string;
  readonly lastSeenAt?: Date;
  /** 0: the stack must not be there. */
  readonly desiredRevision: number;
  /** The host's last report of the stack; absent when it reports none. */
  readonly report?: {
    readonly revision: number;
    readonly observedAt: Date;
    readonly problem: string;
    readonly services: readonly ServiceStatus[];
  };
  /** Set while the host cannot ask its engine: the report is old. */
  readonly engineProblem: string;
}

// Worst first: what somebody has to look at before what settles by itself, and that before what is fine.
const WORST_FIRST: readonly ServiceState[] = [
  "failed",
  "crash-looping",
  "unhealthy",
  "unknown",
  "stopped",
  "pulling",
  "starting",
  "pending",
  "running",
  "completed",
];

export function worstState(states: readonly ServiceState[]): ServiceState | undefined {
  return WORST_FIRST.find((state) => states.includes(state));
}

/** The word of a report; `unknown` for one that this version does not know. */
export function serviceStateOf(word: string): ServiceState {
  return WORST_FIRST.find((state) => state === word) ?? "unknown";
}
