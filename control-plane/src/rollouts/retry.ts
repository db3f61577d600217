import type { StoredRollout } from "./store.ts";
import type { StoredRolloutHost } from "./store-hosts.ts";

/**
 * The hosts that a retry changes: failed ones are pending again, as another attempt, and what the failures had stopped
 * goes on with them. Failed ones that were not named stay failed and no longer count against the budget.
 * @param only ids; empty means every failed host
 */
export function retriedHosts(
  rollout: StoredRollout,
  hosts: readonly StoredRolloutHost[],
  only: ReadonlySet<string>,
): { readonly changed: readonly StoredRolloutHost[]; readonly failedLeft: number } {
  const goesBack = rollout.rollBackReason !== undefined;
  const failedState = goesBack ? "rollback-failed" : "failed";
  const failed = hosts.filter((host) => host.state === failedState);
  const chosen = failed.filter((host) => only.size === 0 || only.has(host.hostId));
  if (chosen.length === 0) return { changed: [], failedLeft: failed.length };
  const stopped = goesBack ? [] : hosts.filter((host) => host.state === "cancelled");
  const changed = [...chosen.map((host) => again(host, goesBack)), ...stopped.map(goesOn)];
  return { changed, failedLeft: failed.length - chosen.length };
}

function again(before: StoredRolloutHost, goesBack: boolean): StoredRolloutHost {
  const { generation: _generation, deadlineAt: _deadline, endedAt: _ended, ...host } = before;
  const retries = host.retries + 1;
  // One that could not be brought back is failed until the plan sends it back again.
  if (goesBack) return { ...host, state: "failed", cause: "sent back again", retries };
  return { ...host, state: "pending", cause: "tried again", retries };
}

function goesOn(before: StoredRolloutHost): StoredRolloutHost {
  const { deadlineAt: _deadline, endedAt: _ended, ...host } = before;
  if (host.generation !== undefined) return { ...host, state: "not-reached", cause: "it was away when it was stopped" };
  return { ...host, state: "pending", cause: "it goes on" };
}
