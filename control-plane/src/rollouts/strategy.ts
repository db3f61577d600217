import type { GateProbe } from "@windflow/proto/agent";

/** How a rollout goes about it; stored with it, so that later changes of a stack's policy leave it alone. */
export interface RolloutStrategy {
  /** Canary first; hosts that are in none go in a last one. */
  readonly waves: readonly Wave[];
  /** Hosts at a time; 0 means all of a wave. */
  readonly maxParallel: number;
  /** Failed hosts that are put up with in the whole rollout. */
  readonly failureBudget: number;
  readonly onFailure: "stop" | "roll-back";
  readonly gate: HealthGate;
}

export interface Wave {
  /** Empty: "wave 1" and so on. */
  readonly name: string;
  readonly size: WaveSize;
  /** After it has passed, before the next begins, milliseconds. */
  readonly pauseMs: number;
  readonly needsApproval: boolean;
  /** Hosts at a time in this wave, 0: no limit of its own. The rollout's own limit holds as well. */
  readonly maxParallel: number;
}

export type WaveSize =
  | { readonly kind: "hosts"; readonly count: number }
  /** Of all hosts of the rollout, rounded up. */
  | { readonly kind: "percent"; readonly percent: number }
  | { readonly kind: "list"; readonly hostIds: readonly string[] }
  | { readonly kind: "labels"; readonly matchLabels: Readonly<Record<string, string>> };

/** When a host has passed. */
export interface HealthGate {
  /** How long everything must have been healthy without interruption, milliseconds. */
  readonly stableMs: number;
  /** Time that a host has from its begin, milliseconds. */
  readonly deadlineMs: number;
  /** Restarts of any one container since the host was begun that are put up with. */
  readonly maxRestarts: number;
  /** Run on the host by its agent; all must succeed. */
  readonly probes: readonly GateProbe[];
  /** All must hold over the quiet time. */
  readonly conditions: readonly MetricCondition[];
}

/** A figure of the host (no service), or of each container of the service, that must stay within a bound. */
export interface MetricCondition {
  readonly column: string;
  readonly service: string;
  readonly comparison: "below" | "above";
  readonly value: number;
}

// Long enough to see a container that dies at once, short enough not to be waited for.
export const STABLE_SECONDS = 2;
// A pull of a large image over a slow line, and the start after it.
export const DEADLINE_SECONDS = 300;
// A service that waits for its database is often restarted once or twice by the engine.
export const MAX_RESTARTS = 3;

/** All hosts at once; the first that fails stops it. */
export const plainStrategy: RolloutStrategy = {
  waves: [],
  maxParallel: 0,
  failureBudget: 0,
  onFailure: "stop",
  gate: {
    stableMs: STABLE_SECONDS * 1000,
    deadlineMs: DEADLINE_SECONDS * 1000,
    maxRestarts: MAX_RESTARTS,
    probes: [],
    conditions: [],
  },
};
