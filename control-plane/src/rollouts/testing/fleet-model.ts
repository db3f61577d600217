import type { Standing } from "../after-plan.ts";
import { compareGenerations, type Generation, type HostView } from "../model.ts";
import type { RolloutStrategy } from "../strategy.ts";

/** A fleet in memory: what hosts do when they are told, as far as a rollout can see it. */
export interface World {
  now: number;
  standing: Standing;
  readonly machines: readonly Machine[];
}

export type Fate = "healthy" | "ends" | "goes-back" | "refuses" | "restarts";

/** One host. `mail`: reports that were sent and may arrive late, twice or in another order. */
export interface Machine {
  readonly hostId: string;
  readonly hadRevision: number;
  readonly fate: Fate;
  /** Whether what ran before runs again when it is asked to. */
  readonly goodBefore: boolean;
  presence: HostView["reach"];
  since: number;
  windowOpen: boolean;
  windowOpensAt: number | undefined;
  held: number;
  wanted: Wanted;
  taken: Wanted;
  work: Work;
  refused: Generation | undefined;
  mail: Report[];
  seen: Report | undefined;
}
export interface Wanted {
  readonly n: bigint;
  readonly revision: number;
  readonly attempt: string;
}
export interface Work {
  readonly converged: boolean;
  readonly healthySince?: number;
  readonly endedSince?: number;
  readonly failedAttempt?: string;
  readonly restarts?: number;
  readonly probed?: boolean;
}
export interface Report {
  readonly n: bigint;
  readonly at: number;
  readonly receivedAt: number;
  readonly revision: number;
  readonly attempt: string;
  readonly work: Work;
  readonly held: number;
}

export interface Made {
  readonly machines: readonly Pick<Machine, "hadRevision" | "fate" | "goodBefore">[];
  readonly strategy: RolloutStrategy;
  readonly ignoreWindows: boolean;
  readonly overrideLocalHolds: boolean;
  readonly leaving: boolean;
}

/** Whether the report is about that desired state, or a later one. */
export function knows(seen: Report | undefined, generation: Generation | undefined): boolean {
  return seen !== undefined && generation !== undefined && compareGenerations({ term: 1n, n: seen.n }, generation) >= 0;
}
