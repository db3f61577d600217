import type { PlanReply } from "@windflow/proto/agent";
import { readObservedHosts } from "../containers/index.ts";
import { listHostSummaries } from "../hosts/index.ts";
import { inOurTime, type Clock } from "../platform/index.ts";
import { placeStack, readStackHosts } from "../rollouts/index.ts";
import type { HostPlanner } from "../stacks/index.ts";
import { placementSight } from "./placement-sight.ts";

/** The part of the agents' gateway that plans go through. */
export interface PlanGateway {
  requestPlan(
    hostId: string,
    request: { stackId: string; body?: Uint8Array },
    signal?: AbortSignal,
  ): Promise<PlanReply>;
}

/** Which hosts a plan is for, and the way to ask them. */
export function createHostPlanner({
  gateway,
  clock,
}: {
  readonly gateway: PlanGateway;
  readonly clock: Clock;
}): HostPlanner {
  return {
    requestPlan: (hostId, request, signal) => gateway.requestPlan(hostId, request, signal),
    hostsOf: async (tx, stack, hasSecrets) => {
      const summaries = await listHostSummaries(tx);
      const { chosen } = await placeStack(tx, placementSight, {
        stack,
        revision: stack.latestRevision,
        hasSecrets,
        now: clock.now(),
      });
      const ids = new Set(chosen.map((host) => host.hostId));
      for (const { hostId } of await readStackHosts(tx, [stack.id])) ids.add(hostId);
      const observed = await readObservedHosts(tx, [...ids]);
      return summaries
        .filter((host) => ids.has(host.hostId) && !host.revoked)
        .map((host) => {
          const last = observed.get(host.hostId);
          const observedAt = last && inOurTime(last.observedAt, last.clockSkewMs);
          return {
            hostId: host.hostId,
            hostName: host.name,
            ...(host.presence === "online" || host.presence === "stale" ? {} : { notReached: host.presenceCause }),
            ...(observedAt === undefined ? {} : { observedAt }),
          };
        });
    },
  };
}
