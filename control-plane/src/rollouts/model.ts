import type { RolloutStrategy } from "./strategy.ts";

/** Where a rollout stands. `waiting`: nothing can be done now, and `waitingFor` says what is waited for. */
export type RolloutState =
  | "pending"
  | "running"
  | "waiting"
  | "paused"
  | "rolling-back"
  | "succeeded"
  | "failed"
  | "cancelled"
  | "superseded"
  | "rolled-back";

/** What ends a wait: hosts that return or are released, a yes, the time (or a change) of windows, the time after a wave. */
export type RolloutWait = "hosts" | "approval" | "window" | "pause";

/**
 * Where one host of a rollout stands. `checking-health`: converged, the health gate's time runs. `rolling-back`: it
 * must run again what it ran before, and has not been seen to.
 */
export type RolloutHostState =
  | "pending"
  | "not-reached"
  | "applying"
  | "checking-health"
  | "succeeded"
  | "failed"
  | "cancelled"
  | "rolling-back"
  | "rolled-back"
  | "rollback-failed";

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
  readonly strategy: RolloutStrategy;
  /** Wave n is at n - 1. Never empty. */
  readonly waves: readonly WaveStanding[];
  readonly waitingFor?: RolloutWait;
  /** When the wait ends by itself, milliseconds since 1970; absent when only an event ends it. */
  readonly waitingUntil?: number;
  readonly paused?: { readonly by: string; readonly reason: string };
  /** Set once touched hosts go back: why. */
  readonly rollBackReason?: string;
  /** Failed hosts that a person left alone when others were tried again: they do not count against the budget. */
  readonly excusedFailures: number;
  readonly ignoreWindows: boolean;
  readonly overrideLocalHolds: boolean;
  /** Set when a person stopped it. */
  readonly cancelReason?: string;
  /** Set when a newer rollout of the stack took over. */
  readonly supersededBy?: string;
}

export interface WaveSettings {
  readonly name: string;
  readonly pauseMs: number;
  readonly needsApproval: boolean;
  readonly maxParallel: number;
}

/** What happened to a wave; times are milliseconds since 1970. */
export interface WaveStanding extends WaveSettings {
  /** Since when somebody's yes is waited for. */
  readonly askedAt?: number;
  readonly approvedBy?: string;
  readonly approvedAt?: number;
  readonly startedAt?: number;
  readonly passedAt?: number;
}

export interface RolloutHost {
  readonly hostId: string;
  readonly hostName: string;
  /** `remove` also in a deploy: the stack does not belong on the host any more. */
  readonly action: "deploy" | "remove";
  /** 1-based. */
  readonly wave: number;
  readonly state: RolloutHostState;
  readonly cause: string;
  /** The last revision that was seen to work there; 0 when none was. */
  readonly previousRevision: number;
  /** How often it was tried again. */
  readonly retries: number;
  /** The rollout changed its desired state. */
  readonly touched: boolean;
  /** The desired state of the host that carries this rollout; absent until the host was begun. */
  readonly generation?: Generation;
  /** Milliseconds since 1970; set while it is begun, reached and not ended. */
  readonly deadlineAt?: number;
  /** When its maintenance window opens, while it waits for that, milliseconds since 1970. */
  readonly windowOpensAt?: number;
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
  /** Its maintenance windows; absent: it may be changed at any time. */
  readonly window?: HostWindow;
  /** Conditions of the gate that do not hold, or are not known to, as sentences; absent while nobody asked. */
  readonly unmetConditions?: readonly string[];
}

/** `opensAt`: milliseconds since 1970, absent when it never opens. */
export interface HostWindow {
  readonly open: boolean;
  readonly opensAt?: number;
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
  /** The attempt that failed there, so that what ran before was brought back. */
  readonly failedAttempt?: string;
  /** What is waited for, e.g. "db is starting"; empty when nothing is. */
  readonly waitingFor: string;
  /** The attempt that `restarts` and `probes` are about; absent from agents that do not say. */
  readonly attempt?: string;
  /** Most restarts of one container since the attempt began. */
  readonly restarts?: number;
  readonly probes?: readonly ProbeReport[];
  /** Root on the host holds it at this revision. */
  readonly heldRevision?: number;
}

export interface ProbeReport {
  readonly service: string;
  readonly name: string;
  readonly passed: boolean;
  readonly cause: string;
}

export function compareGenerations(a: Generation, b: Generation): number {
  if (a.term !== b.term) return a.term < b.term ? -1 : 1;
  return a.n === b.n ? 0 : a.n < b.n ? -1 : 1;
}

export const OPEN_STATES: readonly RolloutState[] = ["pending", "running", "waiting", "paused", "rolling-back"];
export const OPEN_HOST_STATES: readonly RolloutHostState[] = [
  "pending",
  "not-reached",
  "applying",
  "checking-health",
  "rolling-back",
];

export function isEnded(state: RolloutState): boolean {
  return !OPEN_STATES.includes(state);
}

export function isHostEnded(state: RolloutHostState): boolean {
  return !OPEN_HOST_STATES.includes(state);
}

export function isUnderWay(state: RolloutHostState): boolean {
  return state === "applying" || state === "checking-health";
}

/** What a host is told that asks it: with another one than before it tries again what it gave up. */
export function attemptOf(rollout: Pick<Rollout, "id">, host: Pick<RolloutHost, "retries">, back = false): string {
  const parts = [rollout.id, ...(back ? ["back"] : []), ...(host.retries > 0 ? [String(host.retries)] : [])];
  return parts.join(".");
}
