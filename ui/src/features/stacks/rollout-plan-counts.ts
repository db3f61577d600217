import type { PlannedHost, RolloutPlan } from "@windflow/proto/client";
import { downtimes } from "./plan-meaning.ts";

export interface PlanCounts {
  hosts: number;
  steps: number;
  unreached: number;
  conflicts: number;
  /** Hosts whose maintenance window is closed now. */
  outside: number;
  /** Longest seconds that a service is expected to be down on any host. */
  downtime: number;
}
export const plannedHosts = (plan: RolloutPlan): PlannedHost[] =>
  (plan.waves ?? []).flatMap((wave) => wave.hosts ?? []);

export function countPlan(plan: RolloutPlan): PlanCounts {
  const hosts = plannedHosts(plan);
  const plans = hosts.flatMap((host) => (host.plan === undefined ? [] : [host.plan]));
  return {
    hosts: hosts.length,
    steps: plans.reduce((sum, one) => sum + (one.steps?.length ?? 0), 0),
    unreached: hosts.filter((host) => host.notReached).length,
    conflicts: hosts.filter((host) => (host.conflicts ?? []).length > 0).length,
    outside: hosts.filter((host) => host.windowOpensAt).length,
    downtime: downtimes(plans)[0]?.[1] ?? 0,
  };
}
