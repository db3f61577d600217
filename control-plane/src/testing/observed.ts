import type { ObservedService, ObservedStack } from "@windflow/proto/agent";

/** A host's report of a stack that converged and of which nothing special is to be told. */
export function observedStack(
  stack: Pick<ObservedStack, "stackId" | "revision"> & Partial<ObservedStack>,
): ObservedStack {
  return {
    converged: true,
    services: [],
    problem: "",
    pinnedImages: {},
    failedAttempt: "",
    healthySince: undefined,
    drift: [],
    driftSince: undefined,
    probes: [],
    attempt: "",
    heldRevision: 0,
    corrected: "",
    keptRevisions: [],
    restarts: 0,
    ...stack,
  };
}

/** A service with one container that runs. */
export function observedService(service: Pick<ObservedService, "service"> & Partial<ObservedService>): ObservedService {
  return {
    state: "running",
    cause: "up",
    since: undefined,
    containersRunning: 1,
    containersWanted: 1,
    containerIds: [],
    lastLogLines: [],
    nextAttemptAt: undefined,
    evidence: [],
    ...service,
  };
}
