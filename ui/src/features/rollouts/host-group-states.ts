import type { Rollout, RolloutHost_State } from "@windflow/proto/client";
import { countGroups, HOST_GROUPS, STATES_OF_GROUP, type HostGroup } from "./host-rows.ts";

/** Whether the message carries every host of the rollout; of a large one it carries the first thousand. */
export const carriesAll = (rollout: Rollout): boolean => (rollout.hosts?.length ?? 0) >= (rollout.hostsTotal ?? 0);

/** How many hosts are in a group; undefined where the rollout does not say. */
export function groupCounts(rollout: Rollout): Map<HostGroup, number | undefined> {
  if (carriesAll(rollout)) {
    const counts = countGroups(rollout.hosts ?? []);
    return new Map(HOST_GROUPS.map((group) => [group, counts.get(group) ?? 0]));
  }
  return new Map<HostGroup, number | undefined>([
    ["failed", rollout.hostsFailed ?? 0],
    ["underWay", rollout.hostsUnderWay ?? 0],
    ["notReached", rollout.hostsNotReached ?? 0],
    ["pending", rollout.hostsPending ?? 0],
    ["rolledBack", rollout.hostsRolledBack ?? 0],
    ["succeeded", rollout.hostsSucceeded ?? 0],
    ["cancelled", undefined],
  ]);
}
/** What the API is asked for to see a group; none: every state. */
export const statesOf = (group: HostGroup | "all"): RolloutHost_State[] =>
  group === "all" ? [] : STATES_OF_GROUP[group];
