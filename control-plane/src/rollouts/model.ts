/** Where a rollout stands. `waiting`: nothing is left to do but hosts that are not reached. */
export type RolloutState = "pending" | "running" | "waiting" | "succeeded" | "failed" | "cancelled" | "superseded";

/** Where one host of a rollout stands. `checking-health`: converged, the health gate's time runs. */
export type RolloutHostState =
  | "pending"
  | "not-reached"
  | "applying"
  | "checking-health"
  | "succeeded"
  | "failed"
  | "cancelled";

/** A desired state's version on one host: compared by term, then by n. */
export interface Generation {
  readonly term: bigint;
  readonly n: bigint;
}

export interface Rollout {
  readonly id: string;
  readonly stackId: string;
  readonly kind: "deploy" | "remove";
  readonly revision: number;
  readonly state: RolloutState;
  readonly cause: string;
  /** Hosts at a time; 0 means all. */
  readonly maxParallel: number;
  /** Failed hosts that are put up with; one more, and no further host is begun. */
  readonly failureBudget: number;
  /** How long everything must have been healthy without interruption, milliseconds. */
  readonly stableMs: number;
  /** Time that a host has from its begin, milliseconds. */
  readonly deadlineMs: number;
  /** Set when a person stopped it. */
  readonly cancelReason?: string;
  /** Set when a newer rollout of the stack took over. */
  readonly supersededBy?: string;
}

export interface RolloutHost {
  readonly hostId: string;
  readonly hostName: string;
  /** `remove` also in a deploy: the stack does not belong on the host any more. */
  readonly action: "deploy" | "remove";
  readonly state: RolloutHostState;
  readonly cause: string;
  /** The desired state of the host that carries this rollout; absent until the host was begun. */
  readonly generation?: Generation;
  /** Milliseconds since 1970; set while it is begun and not ended. */
  readonly deadlineAt?: number;
}

/** What is known of a host at the time of planning. */
export interface HostView {
  readonly reach: "reached" | "uncertain" | "not-reached" | "gone";
  /** Why it is not reached, or gone, as a person would say it. */
  readonly reachCause: string;
  /** Milliseconds since 1970: since when its session is open without interruption. */
  readonly reachedSince?: number;
  /** The desired state that the last report is about. */
  readonly observedGeneration?: Generation;
  /** When the control plane received that report, milliseconds since 1970. */
  readonly receivedAt?: number;
  /** Absent: the host does not report the stack. */
  readonly stack?: StackReport;
  /** The host refused this desired state. */
  readonly refused?: { readonly generation: Generation; readonly cause: string };
}

/** What the host's last report says of the stack. Durations are of the host's own clock, so that no skew matters. */
export interface StackReport {
  readonly revision: number;
  readonly converged: boolean;
  /** How long everything had been healthy when the report was made, milliseconds; absent while something is not. */
  readonly healthyForMs?: number;
  /** What stands in the way; empty when nothing does. */
  readonly problem: string;
  /** Containers of the stack that the host still has. */
  readonly containers: number;
  /**
   * A service that failed, with its cause, and for how long when the report was made, milliseconds. `neverRan`: it has
   * no container, e.g. since its image cannot be had.
   */
  readonly ended?: { readonly cause: string; readonly forMs: number; readonly neverRan: boolean };
  /** The rollout that failed there, so that what ran before was brought back. */
  readonly failedAttempt?: string;
  /** What is waited for, e.g. "db is starting"; empty when nothing is. */
  readonly waitingFor: string;
}

export function compareGenerations(a: Generation, b: Generation): number {
  if (a.term !== b.term) return a.term < b.term ? -1 : 1;
  return a.n === b.n ? 0 : a.n < b.n ? -1 : 1;
}

export function isEnded(state: RolloutState): boolean {
  return state === "succeeded" || state === "failed" || state === "cancelled" || state === "superseded";
}

export function isHostEnded(state: RolloutHostState): boolean {
  return state === "succeeded" || state === "failed" || state === "cancelled";
}
