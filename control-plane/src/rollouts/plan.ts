import { isEnded, isHostEnded } from "./model.ts";
import type { HostView, Rollout, RolloutHost, RolloutHostState, RolloutState } from "./model.ts";
import { assessHost } from "./plan-host.ts";
import { summarize } from "./plan-summary.ts";

/**
 * One act of a rollout. The steps of a plan are applied in their order, in one transaction: none depends on another.
 * `begin-host` and `restore-host` change the host's desired state; the others only say where things stand.
 */
export type RolloutStep =
  | { op: "begin-host"; target: string; hostId: string; cause: string; deadlineAt: number }
  | { op: "restore-host"; target: string; hostId: string; cause: string }
  | { op: "set-host"; target: string; hostId: string; state: RolloutHostState; cause: string; deadlineAt?: number }
  | { op: "set-rollout"; target: string; state: RolloutState; cause: string };

export interface RolloutPlan {
  readonly steps: readonly RolloutStep[];
  /** When time alone may change something, milliseconds since 1970; absent when only an event can. */
  readonly wakeAt?: number;
}

type Standing = RolloutHost & { readonly wakeAt?: number; readonly begins?: true; readonly refused?: true };

/**
 * The next steps of a rollout, from what is stored and what the hosts last said. An ended rollout has none, and
 * planning again after applying gives none until the world or the time has changed.
 * @param views by host id; a host without a view counts as not reached
 * @param now milliseconds since 1970
 */
export function planRollout(
  rollout: Rollout,
  hosts: readonly RolloutHost[],
  views: ReadonlyMap<string, HostView>,
  now: number,
): RolloutPlan {
  if (isEnded(rollout.state)) return { steps: [] };
  const stop = stopCause(rollout);
  const after =
    stop === undefined ? advance(rollout, hosts, views, now) : hosts.map((host) => stopped(host, stop.hostCause));
  const steps = after.flatMap((host, i) => hostSteps(hosts[i], host, rollout, now));
  const next = stop?.rollout ?? summarize(rollout.kind, after);
  if (next.state !== rollout.state || next.cause !== rollout.cause) {
    steps.push({ op: "set-rollout", target: `rollout ${rollout.id}`, ...next });
  }
  const wakeAt = Math.min(...after.map((host) => (isHostEnded(host.state) ? Infinity : (host.wakeAt ?? Infinity))));
  return Number.isFinite(wakeAt) && !isEnded(next.state) ? { steps, wakeAt } : { steps };
}

/** One line a step: what dry runs, tests and logs show. */
export function formatPlan(plan: RolloutPlan): string {
  return plan.steps
    .map((step) => `${step.op} ${step.target}${"state" in step ? ` → ${step.state}` : ""}: ${step.cause}`)
    .join("\n");
}

function stopCause(
  rollout: Rollout,
): { rollout: { state: RolloutState; cause: string }; hostCause: string } | undefined {
  if (rollout.supersededBy !== undefined) {
    const cause = `a newer rollout of the stack took over: ${rollout.supersededBy}`;
    return { rollout: { state: "superseded", cause }, hostCause: cause };
  }
  if (rollout.cancelReason !== undefined) {
    const cause = rollout.cancelReason === "" ? "cancelled" : `cancelled: ${rollout.cancelReason}`;
    return { rollout: { state: "cancelled", cause }, hostCause: cause };
  }
  return undefined;
}

function stopped(host: RolloutHost, cause: string): Standing {
  return isHostEnded(host.state) ? host : { ...host, state: "cancelled", cause };
}

function advance(
  rollout: Rollout,
  hosts: readonly RolloutHost[],
  views: ReadonlyMap<string, HostView>,
  now: number,
): Standing[] {
  const assessed = hosts.map((host): Standing => {
    if (isHostEnded(host.state)) return host;
    const view = views.get(host.hostId) ?? unheard;
    return { ...host, ...assessHost(rollout, host, view, now) };
  });
  const failed = assessed.filter((host) => host.state === "failed").length;
  if (failed > rollout.failureBudget) return assessed.map((host) => overBudget(host, failed));
  return begin(rollout, assessed, views);
}

const unheard: HostView = { reach: "not-reached", reachCause: "the host has never been seen" };

// Hosts that were begun go on to their end, since they have the desired state; the others are not begun any more.
function overBudget(host: Standing, failed: number): Standing {
  if (isHostEnded(host.state) || host.state === "applying" || host.state === "checking-health") return host;
  const hosts = `${failed} ${failed === 1 ? "host" : "hosts"} failed`;
  const cause =
    host.generation === undefined
      ? `not begun: ${hosts}`
      : `not reached after it was begun, and ${hosts}; the host applies its desired state when it returns`;
  return { ...host, state: "cancelled", cause };
}

function begin(rollout: Rollout, hosts: readonly Standing[], views: ReadonlyMap<string, HostView>): Standing[] {
  const underWay = hosts.filter((host) => host.state === "applying" || host.state === "checking-health").length;
  let free = rollout.maxParallel === 0 ? hosts.length : rollout.maxParallel - underWay;
  return hosts.map((host) => {
    if (host.state !== "pending" || views.get(host.hostId)?.reach !== "reached") return host;
    if (free <= 0) return { ...host, cause: `waits until fewer than ${rollout.maxParallel} hosts are under way` };
    free--;
    return { ...host, state: "applying", cause: "begun", begins: true };
  });
}

function hostSteps(before: RolloutHost | undefined, after: Standing, rollout: Rollout, now: number): RolloutStep[] {
  const { hostId, state, cause } = after;
  const target = `host ${after.hostName}`;
  const deadlineAt = now + rollout.deadlineMs;
  if (after.begins === true)
    return [{ op: "begin-host", target, hostId, cause: beginCause(rollout, after), deadlineAt }];
  if (before === undefined || (before.state === state && before.cause === cause)) return [];
  const returned = before.state === "not-reached" && !isHostEnded(state) && after.generation !== undefined;
  const set: RolloutStep = { op: "set-host", target, hostId, state, cause, ...(returned ? { deadlineAt } : {}) };
  if (after.refused !== true || after.action !== "deploy") return [set];
  // A host takes its desired state whole or not at all: left there, what it refuses would keep every other stack from it.
  return [
    set,
    { op: "restore-host", target, hostId, cause: "it refused the revision: it must run what it ran before" },
  ];
}

function beginCause(rollout: Rollout, host: RolloutHost): string {
  return host.action === "remove"
    ? "the stack does not belong on the host"
    : `the host must run revision ${rollout.revision}`;
}
