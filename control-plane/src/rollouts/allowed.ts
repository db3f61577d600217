import { usesFacts } from "../placement/index.ts";
import { ProblemError, requirePermission, type Caller } from "../platform/index.ts";
import { stacksErrors, type DeployableRevision, type Stack } from "../stacks/index.ts";

/** Refuses who may not bring the revision to hosts. */
export function requireAllowed(caller: Caller, stack: Stack, revision: DeployableRevision): void {
  if (revision.privilegedServices.length > 0) requirePermission(caller, "stacks.deploy.privileged");
  if (revision.hasSecrets && usesFacts(stack.placement)) {
    throw new ProblemError({ code: stacksErrors.WF_STACK_FACT_SELECTOR });
  }
}
