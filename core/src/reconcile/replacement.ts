import type { ComposeService } from "../compose/model.ts";
import type { DesiredStack } from "./desired.ts";
import type { ObservedContainer } from "./observed.ts";
import { isFailed, needOf } from "./run-state.ts";
import { healthDeadlineMs } from "./service-shape.ts";

/**
 * A container that took, or is to take, the place of another, which is kept until the new one has proven itself. What a look at the
 * engine cannot tell, so it is remembered, durably, before the first of its steps runs.
 */
export interface Replacement {
  readonly stackId: string;
  readonly revision: number;
  /** The {@link DesiredStack.attempt}; empty when it has none. */
  readonly attempt: string;
  /** The place, by the name that its container has in the end. */
  readonly slot: string;
  /** Absent for a place that the revision adds: nothing is there to go back to, and it goes with the others. */
  readonly previousId?: string;
  /** The revision that made the previous container; absent when that is not known. */
  readonly previousRevision?: number;
  /** Why the new one failed. From then on the previous one is what has to run, until the attempt or the revision is another. */
  readonly failure?: string;
  /** The service that failed, when it was another one: a stack goes back as a whole. */
  readonly takenBackWith?: string;
}

/** What is known of a new container that took the place of another. */
export type Verdict =
  | { readonly kind: "proven" }
  | { readonly kind: "failed"; readonly why: string }
  /** `recheckAt`: when time alone may tell, in milliseconds since the epoch. */
  | { readonly kind: "open"; readonly recheckAt?: number };

// Programs that cannot read their configuration or reach their data end within seconds; a stopped container that is kept costs nothing.
const PROVEN_AFTER_MS = 5_000;
// The engine waits 0.1 s, 0.2 s, 0.4 s … between restarts: a service that comes up once its neighbours did is not given up.
const RESTARTS_TO_FAIL = 5;
const SECOND_MS = 1_000;

/**
 * Those of the stack that still count: all of this attempt, and those of an earlier one that were not decided, as what ran before
 * both is still what a host goes back to.
 */
export function replacementsOf(
  replacements: readonly Replacement[],
  stack: Pick<DesiredStack, "stackId" | "revision" | "attempt">,
): Replacement[] {
  const attempt = stack.attempt ?? "";
  return replacements
    .filter(
      (known) =>
        known.stackId === stack.stackId &&
        (known.failure === undefined || (known.revision === stack.revision && known.attempt === attempt)),
    )
    .map((known) => ({ ...known, revision: stack.revision, attempt }));
}

/** Names a place of a stack as one attempt fills it. */
export function makingKey(stack: Pick<DesiredStack, "stackId" | "revision" | "attempt">, slot: string): string {
  return `${stack.stackId} ${stack.revision} ${stack.attempt ?? ""} ${slot}`;
}

/** Whether a new container does what it was made for, as far as can be seen. */
export function judge(container: ObservedContainer, service: ComposeService, now: number): Verdict {
  const { detail } = container;
  // The reasons are in the detail, which comes a moment later.
  if (detail === undefined || container.interrupted === true) return { kind: "open" };
  switch (container.state) {
    case "dead":
      return { kind: "failed", why: detail.error ?? "the engine could neither start nor remove it" };
    case "exited":
      if (isFailed(container, service)) return { kind: "failed", why: endText(container) };
      if (container.healing?.state === "waiting") return judgeHealed(container);
      return { kind: needOf(container, service).act === "none" ? "proven" : "open" };
    case "restarting":
      return detail.restartCount < RESTARTS_TO_FAIL
        ? { kind: "open" }
        : { kind: "failed", why: `it keeps ending: ${endText(container)}` };
    case "running":
      return container.hooksDue === undefined ? judgeRunning(container, service, now) : { kind: "open" };
    case "created":
    case "paused":
    case "removing":
      return { kind: "open" };
  }
}

/** A sentence for a person: what failed, and what runs instead. */
export function replacementText(replacement: Replacement, previousRuns: boolean): string {
  const { revision, failure = "", previousRevision, takenBackWith } = replacement;
  const previous = previousRevision === undefined ? "" : ` (revision ${previousRevision})`;
  const outcome = previousRuns ? "runs again" : "is started again";
  const what =
    takenBackWith === undefined
      ? `revision ${revision} failed: ${failure}`
      : `revision ${revision} was taken back, since ${takenBackWith} failed`;
  return `${what}; the previous container${previous} ${outcome}`;
}

// The agent starts it in the engine's place, and counts.
function judgeHealed(container: ObservedContainer): Verdict {
  return (container.healing?.attempts ?? 0) < RESTARTS_TO_FAIL
    ? { kind: "open" }
    : { kind: "failed", why: `it keeps ending: ${endText(container)}` };
}

function judgeRunning(container: ObservedContainer, service: ComposeService, now: number): Verdict {
  const { health, detail } = container;
  if (health === "healthy") return { kind: "proven" };
  if (health === "unhealthy") {
    const output = detail?.healthOutput;
    return { kind: "failed", why: `its healthcheck fails${output === undefined ? "" : `: ${output}`}` };
  }
  const startedAt = detail?.startedAt;
  if (startedAt === undefined) return { kind: "open" };
  const limit = health === "starting" ? healthDeadlineMs(service) : PROVEN_AFTER_MS;
  if (now - startedAt < limit) return { kind: "open", recheckAt: startedAt + limit };
  return health === "starting"
    ? { kind: "failed", why: `it was not healthy within ${Math.round(limit / SECOND_MS)} s` }
    : { kind: "proven" };
}

function endText({ exitCode, detail }: ObservedContainer): string {
  const memory = detail?.outOfMemory === true ? ", out of memory" : "";
  const error = detail?.error === undefined ? "" : `: ${detail.error}`;
  return `it ended with exit code ${exitCode ?? "unknown"}${memory}${error}`;
}
