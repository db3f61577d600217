import {
  compareGenerations,
  type HostView,
  type Rollout,
  type RolloutHost,
  type RolloutHostState,
  type StackReport,
} from "./model.ts";

/** What the world says of one host of a rollout. `wakeAt`: when time alone may change the answer. */
export interface Assessment {
  readonly state: RolloutHostState;
  readonly cause: string;
  readonly wakeAt?: number;
  /** The host took nothing of the desired state. */
  readonly refused?: true;
}

/** A container that ended for good may be replaced at once by the loop on the host: wait this long before it counts. */
const ENDED_SETTLE_MS = 5_000;
/** A registry that is away for a moment is tried again by the loop on the host. */
const NEVER_RAN_SETTLE_MS = 30_000;
/** A host that just came back gets this long to report before its old deadline counts. */
const RETURN_GRACE_MS = 30_000;

/** Where the host stands. Pure: the same view at the same time gives the same answer. */
export function assessHost(rollout: Rollout, host: RolloutHost, view: HostView, now: number): Assessment {
  if (view.reach === "gone") return { state: "cancelled", cause: view.reachCause };
  if (host.generation === undefined) return assessWaiting(host, view);
  const refused = view.refused;
  if (refused !== undefined && compareGenerations(refused.generation, host.generation) === 0) {
    return { state: "failed", cause: refused.cause, refused: true };
  }
  if (view.reach === "not-reached") return { state: "not-reached", cause: view.reachCause };
  // Time that passes counts for and against a host only while it is heard of.
  if (view.reach === "uncertain") return { state: resumed(host), cause: host.cause };
  const seen = assessReport(rollout, host, view, now);
  const deadline = deadlineOf(rollout, host, view);
  if (seen.state === "succeeded" || seen.state === "failed") return seen;
  if (deadline !== undefined && now >= deadline) {
    return { state: "failed", cause: `not healthy within ${seconds(rollout.deadlineMs)}: ${seen.cause}` };
  }
  const wakeAt = Math.min(seen.wakeAt ?? Infinity, deadline ?? Infinity);
  return Number.isFinite(wakeAt) ? { ...seen, wakeAt } : seen;
}

function assessWaiting(host: RolloutHost, view: HostView): Assessment {
  if (view.reach === "not-reached") return { state: "not-reached", cause: view.reachCause };
  if (view.reach === "uncertain") return { state: host.state, cause: host.cause };
  return { state: "pending", cause: host.state === "pending" ? host.cause : "the host is back" };
}

function assessReport(rollout: Rollout, host: RolloutHost, view: HostView, now: number): Assessment {
  const { generation } = host;
  const knows =
    generation !== undefined &&
    view.observedGeneration !== undefined &&
    compareGenerations(view.observedGeneration, generation) >= 0;
  if (!knows) return { state: "applying", cause: "the host has not taken the desired state yet" };
  const passedMs = view.receivedAt === undefined ? 0 : Math.max(0, now - view.receivedAt);
  return host.action === "remove" ? assessRemoval(view) : assessDeploy(rollout, host, view, passedMs, now);
}

function assessRemoval(view: HostView): Assessment {
  const { stack } = view;
  if (stack === undefined || (stack.converged && stack.containers === 0)) {
    return { state: "succeeded", cause: "the stack is off the host" };
  }
  const left =
    stack.containers === 0
      ? "its networks are being removed"
      : `${stack.containers} ${stack.containers === 1 ? "container is" : "containers are"} left`;
  return { state: "applying", cause: stack.problem === "" ? left : stack.problem };
}

function assessDeploy(rollout: Rollout, host: RolloutHost, view: HostView, passedMs: number, now: number): Assessment {
  const { stack } = view;
  if (stack === undefined || stack.revision !== rollout.revision) {
    return { state: "applying", cause: `the host has not begun revision ${rollout.revision}` };
  }
  if (stack.failedAttempt === rollout.id) return { state: "failed", cause: stack.problem };
  const ended = endedForGood(rollout, host, stack, passedMs, now);
  if (ended !== undefined && ended.leftMs <= 0) return { state: "failed", cause: ended.cause };
  const endsAt = ended === undefined ? {} : { wakeAt: now + ended.leftMs };
  if (!stack.converged) {
    return {
      state: "applying",
      cause: firstText(stack.problem, stack.waitingFor, "the host applies the plan"),
      ...endsAt,
    };
  }
  if (stack.healthyForMs === undefined) {
    const cause = firstText(stack.problem, stack.waitingFor, "waiting until every service is healthy");
    return { state: "checking-health", cause, ...endsAt };
  }
  const healthyMs = stack.healthyForMs + passedMs;
  if (healthyMs >= rollout.stableMs) {
    return { state: "succeeded", cause: `every service was running and healthy for ${seconds(rollout.stableMs)}` };
  }
  return {
    state: "checking-health",
    cause: `every service is running and healthy; it must stay so for ${seconds(rollout.stableMs)}`,
    wakeAt: now + rollout.stableMs - healthyMs,
  };
}

/** A container of an older revision that had ended before is about to be replaced: it says nothing of this one. */
function endedForGood(
  rollout: Rollout,
  host: RolloutHost,
  { ended, converged }: StackReport,
  passedMs: number,
  now: number,
): { cause: string; leftMs: number } | undefined {
  if (ended === undefined) return undefined;
  const forMs = ended.forMs + passedMs;
  const begunForMs = host.deadlineAt === undefined ? 0 : now - (host.deadlineAt - rollout.deadlineMs);
  if (!converged && forMs > begunForMs) return undefined;
  return { cause: ended.cause, leftMs: (ended.neverRan ? NEVER_RAN_SETTLE_MS : ENDED_SETTLE_MS) - forMs };
}

/** The state of a host that was begun and about which nothing new is known. */
function resumed(host: RolloutHost): RolloutHostState {
  return host.state === "not-reached" || host.state === "pending" ? "applying" : host.state;
}

function deadlineOf(rollout: Rollout, host: RolloutHost, view: HostView): number | undefined {
  // One that returns gets a new deadline with the step that says so.
  if (host.deadlineAt === undefined || host.state === "not-reached") return undefined;
  const { reachedSince } = view;
  const begunAt = host.deadlineAt - rollout.deadlineMs;
  // Heard of without interruption since it was begun, by a control plane that listened all the time.
  if (reachedSince === undefined || reachedSince <= begunAt) return host.deadlineAt;
  return Math.max(host.deadlineAt, reachedSince + RETURN_GRACE_MS);
}

function firstText(...texts: string[]): string {
  return texts.find((text) => text !== "") ?? "";
}

function seconds(ms: number): string {
  return `${Math.round(ms / 100) / 10} s`;
}
