import { usesFacts } from "../placement/index.ts";
import { mayDo, ProblemError, requirePermission, type Caller } from "../platform/index.ts";
import { stacksErrors, type DeployableRevision, type Stack } from "../stacks/index.ts";
import { chooseStrategy } from "./service-strategy.ts";
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

/**
 * Refuses who may not let hosts through: closed windows, holds of root, and approvals that the stack's own strategy asks for are there
 * to be passed by somebody who may approve.
 */
export function requireMayPass(
  caller: Caller,
  stack: Pick<Stack, "policy">,
  wanted: {
    readonly strategy?: RolloutStrategy | undefined;
    readonly ignoreWindows?: boolean;
    readonly overrideLocalHolds?: boolean;
  },
): void {
  const dropsApproval =
    wanted.strategy !== undefined && asksApproval(chooseStrategy(stack, undefined)) && !asksApproval(wanted.strategy);
  if (wanted.ignoreWindows === true || wanted.overrideLocalHolds === true || dropsApproval)
    requirePermission(caller, "rollouts.approve");
}

const asksApproval = (strategy: RolloutStrategy): boolean => strategy.waves.some(({ needsApproval }) => needsApproval);
