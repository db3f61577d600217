import type { HostPlan, Project } from "@windflow/proto/client";

/** Containers of a project that run, and all that it has. */
export function runningOf({ services = [] }: Project): { running: number; total: number } {
  return {
    running: services.reduce((sum, one) => sum + (one.containersRunning ?? 0), 0),
    total: services.reduce((sum, one) => sum + (one.containersTotal ?? 0), 0),
  };
}
/** Whether adopting would change nothing on the host. */
export const changesNothing = (plan: HostPlan | undefined): boolean =>
  plan !== undefined && !plan.notReached && (plan.steps ?? []).length === 0;
