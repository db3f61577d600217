import { isEnded, isHostEnded, isUnderWay, type HostView, type Rollout, type RolloutHost } from "./model.ts";
import { beginHosts } from "./plan-begin.ts";
import { plural } from "./plan-gate.ts";
import { assessHost } from "./plan-host.ts";
import { rollbackStep, rollBackHosts, summarizeRollback } from "./plan-rollback.ts";
import type { PlannedHost, PlannedWaves, RolloutPlan, RolloutStep, Whereabouts } from "./plan-steps.ts";
import { summarize } from "./plan-summary.ts";
import { progressWaves } from "./plan-wave-progress.ts";

/**
 * The next steps of a rollout, from what is stored and what the hosts last said. An ended rollout has none, and
 * planning again after applying gives none until the world or the time has changed.
 * @param views by host id; a host without a view counts as not reached. Hosts that have ended need none.
 * @param now milliseconds since 1970
 */
export function planRollout(
  rollout: Rollout,
  hosts: readonly RolloutHost[],
  views: ReadonlyMap<string, HostView>,
  now: number,
): RolloutPlan {
  if (isEnded(rollout.state)) return { steps: [] };
  const stop = stopped(rollout);
  if (stop !== undefined) {
    const after = hosts.map((host): PlannedHost => stoppedHost(host, stop.cause));
    return planOf(rollout, hosts, { after, next: stop }, now);
  }
  if (rollout.rollBackReason !== undefined) {
    const { hosts: after, begin } = rollBackHosts(rollout, hosts, views, now);
    return planOf(rollout, hosts, { after, next: summarizeRollback(rollout, after), begin }, now);
  }
  return advance(rollout, hosts, views, now);
}

interface Outcome {
  readonly after: readonly PlannedHost[];
  readonly next: Whereabouts;
  /** Steps about waves and the whole. */
  readonly steps?: readonly RolloutStep[];
  /** Hosts whose desired state goes back. */
  readonly begin?: ReadonlySet<string>;
  readonly wakeAt?: number;
}

const unheard: HostView = { reach: "not-reached", reachCause: "the host has never been seen" };

function advance(
  rollout: Rollout,
  hosts: readonly RolloutHost[],
  views: ReadonlyMap<string, HostView>,
  now: number,
): RolloutPlan {
  const assessed = hosts.map((host): PlannedHost => {
    if (isHostEnded(host.state)) return host;
    return { ...host, ...assessHost(rollout, host, views.get(host.hostId) ?? unheard, now) };
  });
  const failed = assessed.filter((host) => host.state === "failed").length;
  const { failureBudget, onFailure } = rollout.strategy;
  if (failed > failureBudget + rollout.excusedFailures) {
    if (onFailure === "roll-back") return startRollback(rollout, hosts, assessed, failed, now);
    const after = assessed.map((host) => overBudget(host, failed));
    return planOf(rollout, hosts, { after, next: summarize(rollout, after, rollout) }, now);
  }
  const progress = progressWaves(rollout, assessed, now);
  const after = beginHosts(rollout, progress.waves, assessed, views);
  const outcome = { after, next: summarize(rollout, after, progress), steps: progress.steps };
  return planOf(rollout, hosts, { ...outcome, ...wakeOf(progress) }, now);
}

// While it waits for a yes or for hosts, time changes nothing.
function wakeOf({ hold }: PlannedWaves): { wakeAt?: number } {
  return hold?.until === undefined ? {} : { wakeAt: hold.until };
}

function startRollback(
  rollout: Rollout,
  hosts: readonly RolloutHost[],
  after: readonly PlannedHost[],
  failed: number,
  now: number,
): RolloutPlan {
  const first = after.find((host) => host.state === "failed");
  const cause = `${plural(failed, "host")} failed: ${first?.hostName ?? ""}: ${first?.cause ?? ""}`;
  const step: RolloutStep = { op: "start-rollback", target: `rollout ${rollout.id}`, cause };
  return planOf(rollout, hosts, { after, next: { state: "rolling-back", cause }, steps: [step] }, now);
}

function planOf(
  rollout: Rollout,
  hosts: readonly RolloutHost[],
  { after, next, steps: own = [], begin = new Set(), wakeAt: ownWake = Infinity }: Outcome,
  now: number,
): RolloutPlan {
  const steps = [...own, ...after.flatMap((host, i) => hostSteps(rollout, hosts[i], host, begin, now))];
  const { state, cause, waitingFor, waitingUntil } = rollout;
  const isSame = next.state === state && next.cause === cause;
  if (!isSame || next.waitingFor !== waitingFor || next.waitingUntil !== waitingUntil) {
    steps.push({ op: "set-rollout", target: `rollout ${rollout.id}`, ...next });
  }
  const wakes = after.map((host) => (isHostEnded(host.state) ? Infinity : (host.wakeAt ?? Infinity)));
  const wakeAt = wakes.reduce((soonest, one) => Math.min(soonest, one), ownWake);
  return Number.isFinite(wakeAt) && !isEnded(next.state) ? { steps, wakeAt } : { steps };
}

function stopped(rollout: Rollout): Whereabouts | undefined {
  if (rollout.supersededBy !== undefined) {
    return { state: "superseded", cause: `a newer rollout of the stack took over: ${rollout.supersededBy}` };
  }
  if (rollout.cancelReason === undefined) return undefined;
  return {
    state: "cancelled",
    cause: rollout.cancelReason === "" ? "cancelled" : `cancelled: ${rollout.cancelReason}`,
  };
}

function stoppedHost(host: RolloutHost, cause: string): PlannedHost {
  return isHostEnded(host.state) ? host : { ...host, state: "cancelled", cause };
}

// Hosts that were begun go on to their end, since they have the desired state; the others are not begun any more.
function overBudget(host: PlannedHost, failed: number): PlannedHost {
  if (isHostEnded(host.state) || isUnderWay(host.state)) return host;
  const hosts = `${plural(failed, "host")} failed`;
  const cause =
    host.generation === undefined
      ? `not begun: ${hosts}`
      : `not reached after it was begun, and ${hosts}; the host applies its desired state when it returns`;
  return { ...host, state: "cancelled", cause };
}

function hostSteps(
  rollout: Rollout,
  before: RolloutHost | undefined,
  after: PlannedHost,
  goesBack: ReadonlySet<string>,
  now: number,
): RolloutStep[] {
  const { hostId, state, cause, windowOpensAt } = after;
  const target = `host ${after.hostName}`;
  const deadlineAt = now + rollout.strategy.gate.deadlineMs;
  if (goesBack.has(hostId)) return [rollbackStep(after, deadlineAt)];
  if (after.begins === true) {
    const again = after.again === undefined ? {} : { again: after.again };
    return [{ op: "begin-host", target, hostId, cause: beginCause(rollout, after), deadlineAt, ...again }];
  }
  if (before === undefined) return [];
  const deadline = newDeadline(before, after, deadlineAt);
  const isSame = before.state === state && before.cause === cause && before.windowOpensAt === windowOpensAt;
  if (isSame && deadline === undefined) return [];
  const set: RolloutStep = {
    op: "set-host",
    target,
    hostId,
    state,
    cause,
    ...(deadline === undefined ? {} : { deadlineAt: deadline }),
    ...(windowOpensAt === undefined ? {} : { windowOpensAt }),
  };
  if (after.refused !== true || after.action !== "deploy") return [set];
  // A host takes its desired state whole or not at all: left there, what it refuses would keep every other stack from it.
  return [
    set,
    { op: "restore-host", target, hostId, cause: "it refused the revision: it must run what it ran before" },
  ];
}

/** Its time does not run while it is away; one that returns gets all of it again. */
function newDeadline(before: RolloutHost, after: PlannedHost, deadlineAt: number): number | "none" | undefined {
  if (after.generation === undefined || isHostEnded(after.state)) return undefined;
  if (after.away !== undefined) return before.deadlineAt === undefined ? undefined : "none";
  const returns = before.deadlineAt === undefined || before.state === "not-reached";
  return returns ? deadlineAt : undefined;
}

function beginCause(rollout: Rollout, host: RolloutHost): string {
  return host.action === "remove"
    ? "the stack does not belong on the host"
    : `the host must run revision ${rollout.revision}`;
}
