import { GRAVITY, type ServiceState } from "@windflow/core";

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
  /** Of a crash-looping or failed one. */
  readonly lastLogLines: readonly string[];
  /** When the host tries it again by itself. */
  readonly nextAttemptAt?: Date;
  /** What the state was read from. */
  readonly evidence: readonly string[];
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
  /** Root on the host holds it at this revision; 0 when nobody does. */
  readonly heldRevision: number;
  /** Plan lines that would put right what nobody asked for. */
  readonly drift: readonly string[];
  /** Since the host last said so, by our clock; absent when it never did. */
  readonly ageSeconds?: number;
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
  /** Reached, but nothing is known of them now. */
  readonly hostsUnknown: number;
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
    readonly heldRevision: number;
    readonly drift: readonly string[];
    /** When the host last said so, by our clock. */
    readonly confirmedAt: Date;
  };
  /** Set while the host cannot ask its engine: the report is old. */
  readonly engineProblem: string;
}

/** The word of a report; `unknown` for one that this version does not know. */
export function serviceStateOf(word: string): ServiceState {
  return GRAVITY.find((state) => state === word) ?? "unknown";
}
