import { usesFacts } from "../placement/index.ts";
import { mayDo, ProblemError, requirePermission, type Caller } from "../platform/index.ts";
import { stacksErrors, type DeployableRevision, type Stack } from "../stacks/index.ts";
import type { RolloutStrategy } from "./strategy.ts";

/** Refuses who may not bring the revision to hosts. */
export function requireAllowed(caller: Caller, stack: Stack, revision: DeployableRevision): void {
  if (revision.privilegedServices.length > 0) requirePermission(caller, "stacks.deploy.privileged");
  if (revision.hasSecrets && usesFacts(stack.placement)) {
    throw new ProblemError({ code: stacksErrors.WF_STACK_FACT_SELECTOR });
  }
}

/**
 * Refuses who may not have commands run in containers. A probe's command runs in the stack's own containers, and the end of its output
 * is told: that takes what a shell there takes, or the right to write stacks, which may run anything.
 */
export function requireMayProbe(caller: Caller, strategy: RolloutStrategy): void {
  if (strategy.gate.probes.every(({ command }) => command.length === 0) || mayDo(caller, "stacks.write")) return;
  requirePermission(caller, "containers.exec");
}
