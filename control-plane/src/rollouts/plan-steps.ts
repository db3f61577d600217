import type { RolloutHost, RolloutHostState, RolloutState, RolloutWait, WaveStanding } from "./model.ts";
import type { Assessment } from "./plan-host.ts";

/**
 * One act of a rollout. The steps of a plan are applied in their order, in one transaction: none depends on another.
 * `begin-host`, `restore-host` and `roll-back-host` change the host's desired state; the others only say where things stand.
 */
export type RolloutStep =
  /** `again`: the host is not where its desired state has it; it has to try although the revision is the same. */
  | { op: "begin-host"; target: string; hostId: string; cause: string; deadlineAt: number; again?: true }
  | { op: "restore-host"; target: string; hostId: string; cause: string }
  | { op: "roll-back-host"; target: string; hostId: string; cause: string; deadlineAt: number }
  | {
      op: "set-host";
      target: string;
      hostId: string;
      state: RolloutHostState;
      cause: string;
      /** Set anew; "none" while nothing is expected of it. Absent: as it was. */
      deadlineAt?: number | "none";
      windowOpensAt?: number;
    }
  | { op: "ask-approval" | "begin-wave" | "pass-wave"; target: string; wave: number; cause: string }
  /** Failures went over the budget of a rollout that rolls back by itself. */
  | { op: "start-rollback"; target: string; cause: string }
  | ({ op: "set-rollout"; target: string } & Whereabouts);

/** Where the rollout stands. `waitingUntil`: milliseconds since 1970, absent when only an event ends the wait. */
export interface Whereabouts {
  readonly state: RolloutState;
  readonly cause: string;
  readonly waitingFor?: RolloutWait;
  readonly waitingUntil?: number;
}

export interface RolloutPlan {
  readonly steps: readonly RolloutStep[];
  /** When time alone may change something, milliseconds since 1970; absent when only an event can. */
  readonly wakeAt?: number;
}

/** A host as the plan leaves it. */
export interface PlannedHost extends RolloutHost {
  readonly wakeAt?: number;
  readonly begins?: true;
  readonly again?: true;
  readonly refused?: true;
  readonly away?: Assessment["away"];
  /** Why a host that is reached is not begun. */
  readonly kept?: "wave" | "window" | "limit" | "pause";
}

/** Waves as the plan leaves them, and why the next one has not begun. */
export interface PlannedWaves {
  readonly waves: readonly WaveStanding[];
  readonly steps: readonly RolloutStep[];
  readonly hold?: { readonly waitingFor: RolloutWait; readonly until?: number; readonly cause: string };
}

/** One line a step: what dry runs, tests and logs show. */
export function formatPlan(plan: RolloutPlan): string {
  return plan.steps
    .map((step) => `${step.op} ${step.target}${"state" in step ? ` → ${step.state}` : ""}: ${step.cause}`)
    .join("\n");
}
