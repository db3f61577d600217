import {
  attemptOf,
  compareGenerations,
  isUnderWay,
  type Generation,
  type HostView,
  type Rollout,
  type RolloutHost,
  type RolloutHostState,
} from "./model.ts";
import { seconds, seenDeployed, seenRemoved, type Aim, type Seen } from "./plan-gate.ts";

/** What the world says of one host of a rollout. `wakeAt`: when time alone may change the answer. */
export interface Assessment {
  readonly state: RolloutHostState;
  readonly cause: string;
  readonly wakeAt?: number;
  /** The host took nothing of the desired state. */
  readonly refused?: true;
  /** Not reached, or held by root on it: nothing is expected of it, and time does not count. */
  readonly away?: "not-reached" | "held";
}

/** A host that just came back gets this long to report before its old deadline counts. */
const RETURN_GRACE_MS = 30_000;

/** Where the host stands. Pure: the same view at the same time gives the same answer. */
export function assessHost(rollout: Rollout, host: RolloutHost, view: HostView, now: number): Assessment {
  if (view.reach === "gone") return { state: "cancelled", cause: view.reachCause };
  if (host.generation === undefined) return assessWaiting(rollout, host, view);
  const refused = view.refused;
  if (refused !== undefined && compareGenerations(refused.generation, host.generation) === 0) {
    return { state: "failed", cause: refused.cause, refused: true };
  }
  if (view.reach === "not-reached") return { state: "not-reached", cause: view.reachCause, away: "not-reached" };
  // Time that passes counts for and against a host only while it is heard of.
  if (view.reach === "uncertain") {
    if (host.state === "pending") return { state: "pending", cause: host.cause, away: "held" };
    return { state: isUnderWay(host.state) ? host.state : "applying", cause: host.cause };
  }
  const held = heldCause(rollout, view);
  if (held !== undefined) return { state: "pending", cause: held, away: "held" };
  const { strategy, revision } = rollout;
  const aim: Aim = { action: host.action, revision, attempt: attemptOf(rollout, host), gate: strategy.gate };
  const isBack = !isUnderWay(host.state);
  const seen = watched(aim, isBack ? withoutDeadline(host) : host, view, now);
  const later = refusedLater(host.generation, view);
  if (later === undefined || seen.state !== "failed") return seen;
  return { state: "failed", cause: `${seen.cause}: ${later}`, refused: true };
}

/**
 * Why the host refused a desired state after the one that began it, of which it never took any: what it refuses may be of this rollout,
 * and two that began at once are not told apart. By its deadline it gives way, so that the host can take the others.
 */
function refusedLater(generation: Generation, { refused, observedGeneration }: HostView): string | undefined {
  if (refused === undefined || compareGenerations(refused.generation, generation) <= 0) return undefined;
  const hasTaken = observedGeneration !== undefined && compareGenerations(observedGeneration, generation) >= 0;
  return hasTaken ? undefined : refused.cause;
}

/** What a begun host that is reached is seen to do, with its deadline. */
export function watched(aim: Aim, host: RolloutHost, view: HostView, now: number): Seen {
  const { deadlineMs } = aim.gate;
  const begunForMs = host.deadlineAt === undefined ? 0 : now - (host.deadlineAt - deadlineMs);
  const seen = assessReport(aim, host, view, { begunForMs, now });
  if (seen.state === "succeeded" || seen.state === "failed") return seen;
  const deadline = deadlineOf(host, view, deadlineMs);
  if (deadline !== undefined && now >= deadline) {
    return { state: "failed", cause: `not healthy within ${seconds(deadlineMs)}: ${seen.cause}` };
  }
  const wakeAt = Math.min(seen.wakeAt ?? Infinity, deadline ?? Infinity);
  return Number.isFinite(wakeAt) ? { ...seen, wakeAt } : seen;
}

/** Why the host's own root keeps the stack where it is; undefined when nobody does or it does not count. */
export function heldCause(rollout: Pick<Rollout, "overrideLocalHolds">, view: HostView): string | undefined {
  const held = view.stack?.heldRevision ?? 0;
  if (held === 0 || rollout.overrideLocalHolds) return undefined;
  return `held locally at revision ${held}: root on the host releases it with "windflow-agent release"`;
}

function assessWaiting(rollout: Rollout, host: RolloutHost, view: HostView): Assessment {
  if (view.reach === "not-reached") return { state: "not-reached", cause: view.reachCause, away: "not-reached" };
  if (view.reach === "uncertain") return { state: host.state, cause: host.cause };
  const held = heldCause(rollout, view);
  if (held !== undefined) return { state: "pending", cause: held, away: "held" };
  return { state: "pending", cause: host.state === "pending" ? host.cause : "the host is back" };
}

function assessReport(
  aim: Aim,
  { generation }: RolloutHost,
  view: HostView,
  at: { readonly begunForMs: number; readonly now: number },
): Seen {
  const knows =
    generation !== undefined &&
    view.observedGeneration !== undefined &&
    compareGenerations(view.observedGeneration, generation) >= 0;
  if (!knows) return { state: "applying", cause: "the host has not taken the desired state yet" };
  return aim.action === "remove" ? seenRemoved(view) : seenDeployed(aim, view, at.begunForMs, at.now);
}

// One that returns gets a new deadline with the step that says so.
function withoutDeadline(host: RolloutHost): RolloutHost {
  const { deadlineAt: _, ...rest } = host;
  return rest;
}

function deadlineOf({ deadlineAt }: RolloutHost, { reachedSince }: HostView, deadlineMs: number): number | undefined {
  if (deadlineAt === undefined) return undefined;
  const begunAt = deadlineAt - deadlineMs;
  // Heard of without interruption since it was begun, by a control plane that listened all the time.
  if (reachedSince === undefined || reachedSince <= begunAt) return deadlineAt;
  return Math.max(deadlineAt, reachedSince + RETURN_GRACE_MS);
}
