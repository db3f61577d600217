import type { ObservedStack } from "@windflow/proto/agent";
import { driftLines } from "../drift/index.ts";
import { servicesOf, type HostStackFacts, type StackProgress } from "../status/index.ts";

/** When a host said what it said, and by which clock. */
export interface SaidAt {
  /** By the host's own clock. */
  readonly observedAt: Date;
  readonly clockSkewMs: number;
  /** By ours. */
  readonly confirmedAt: Date;
}

/** A host's report of one stack as the derivation of status takes it, in our time. */
export function reportFacts(
  report: ObservedStack,
  said: SaidAt,
  progress: StackProgress | undefined,
): NonNullable<HostStackFacts["report"]> {
  const { observedAt, clockSkewMs, confirmedAt } = said;
  const observed = observedAt.getTime() - clockSkewMs;
  return {
    revision: report.revision,
    observedAt: new Date(Math.min(observed, confirmedAt.getTime())),
    confirmedAt,
    problem: report.problem,
    services: servicesOf(report, progress, clockSkewMs),
    heldRevision: report.heldRevision,
    drift: driftLines(report.drift),
  };
}
