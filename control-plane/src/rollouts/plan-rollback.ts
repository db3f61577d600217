import { attemptOf, compareGenerations, type HostView, type Rollout, type RolloutHost } from "./model.ts";
import { plural, type Aim } from "./plan-gate.ts";
import { heldCause, watched } from "./plan-host.ts";
import type { PlannedHost, RolloutStep, Whereabouts } from "./plan-steps.ts";

/** What the rollout knows of hosts that go back, and which of them have to be told to. */
export interface PlannedRollback {
  readonly hosts: readonly PlannedHost[];
  /** Hosts whose desired state has to go back. */
  readonly begin: ReadonlySet<string>;
}

/**
 * Brings each touched host back to its own previous revision: all at once, also those that are not reached, whatever
 * their windows say. What was not touched is left alone.
 */
export function rollBackHosts(
  rollout: Rollout,
  hosts: readonly RolloutHost[],
  views: ReadonlyMap<string, HostView>,
  now: number,
): PlannedRollback {
  const begin = new Set<string>();
  const after = hosts.map((host): PlannedHost => {
    const view = views.get(host.hostId);
    if (host.state === "rolled-back" || host.state === "rollback-failed") return host;
    if (view?.reach === "gone" || (host.state === "cancelled" && !host.touched)) {
      return host.state === "cancelled" ? host : { ...host, state: "cancelled", cause: view?.reachCause ?? host.cause };
    }
    if (!host.touched) return { ...host, state: "cancelled", cause: "not begun: the rollout goes back" };
    if (host.state === "rolling-back") return { ...host, ...assessRollback(rollout, host, view, now) };
    begin.add(host.hostId);
    return { ...host, state: "rolling-back", cause: aimText(host) };
  });
  return { hosts: after, begin };
}

export function rollbackStep(host: PlannedHost, deadlineAt: number): RolloutStep {
  const { hostId, hostName, cause } = host;
  return { op: "roll-back-host", target: `host ${hostName}`, hostId, cause, deadlineAt };
}

function aimText({ previousRevision }: RolloutHost): string {
  if (previousRevision === 0) return "nothing of the stack ran there before: it is taken off";
  return `the host must run revision ${previousRevision} again`;
}

function assessRollback(
  rollout: Rollout,
  host: RolloutHost,
  view: HostView | undefined,
  now: number,
): Pick<PlannedHost, "state" | "cause" | "away" | "wakeAt"> {
  const state = "rolling-back";
  if (view === undefined || view.reach === "not-reached") {
    const why = view?.reachCause ?? "the host has never been seen";
    return { state, cause: `not reached (${why}): it goes back when it returns`, away: "not-reached" };
  }
  const { refused } = view;
  if (refused && host.generation && compareGenerations(refused.generation, host.generation) === 0) {
    return { state: "rollback-failed", cause: refused.cause };
  }
  if (view.reach === "uncertain") return { state, cause: host.cause };
  const held = heldCause(rollout, view);
  if (held !== undefined) return { state, cause: held, away: "held" };
  const seen = watched(aimOf(rollout, host), host, view, now);
  const wake = seen.wakeAt === undefined ? {} : { wakeAt: seen.wakeAt };
  if (seen.state === "failed") return { state: "rollback-failed", cause: seen.cause };
  if (seen.state !== "succeeded") return { state, cause: seen.cause, ...wake };
  const cause =
    host.previousRevision === 0 ? "the stack is off the host again" : `runs revision ${host.previousRevision} again`;
  return { state: "rolled-back", cause };
}

// It ran before: that it runs and is healthy again is enough, and what is asked of the new revision is not asked of it.
function aimOf(rollout: Rollout, host: RolloutHost): Aim {
  const { previousRevision: revision } = host;
  const gate = { ...rollout.strategy.gate, stableMs: 0, maxRestarts: Infinity, probes: [], conditions: [] };
  return { action: revision === 0 ? "remove" : "deploy", revision, attempt: attemptOf(rollout, host, true), gate };
}

/** Where a rollout stands that goes back. */
export function summarizeRollback(rollout: Rollout, hosts: readonly PlannedHost[]): Whereabouts {
  const why = rollout.rollBackReason ?? "";
  const because = why === "" ? "" : `: ${why}`;
  const back = hosts.filter((host) => host.state === "rolled-back").length;
  const going = hosts.filter((host) => host.state === "rolling-back");
  const failed = hosts.filter((host) => host.state === "rollback-failed");
  const total = back + going.length + failed.length;
  const done = `${back} of ${plural(total, "host")} went back`;
  if (going.length > 0) {
    const away = going.filter((host) => host.away !== undefined).length;
    const cause = `${done}${away > 0 ? `, ${away} not reached` : ""}${because}`;
    return { state: "rolling-back", cause, ...(away === going.length ? { waitingFor: "hosts" } : {}) };
  }
  const first = failed[0];
  if (first !== undefined) {
    const told = `${plural(failed.length, "host")} could not be brought back: ${first.hostName}: ${first.cause}`;
    return { state: "failed", cause: `${done}; ${told}` };
  }
  const cause = total === 0 ? "no host had been begun" : `${plural(back, "host")} went back to what ran before`;
  return { state: "rolled-back", cause: `${cause}${because}` };
}
