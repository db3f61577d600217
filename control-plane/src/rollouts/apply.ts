import type { UnitOfWork } from "../platform/index.ts";
import { hostStepsOf, standingAfter, type HostStep, type Standing } from "./after-plan.ts";
import { beginDesired, restoreDesired, type WritingAt } from "./apply-desired.ts";
import type { RolloutPlan } from "./plan-steps.ts";
import type { StoredRolloutHost } from "./store-hosts.ts";

/**
 * Does what the plan says, in the caller's transaction, and returns how things stand then. Desired states are written
 * here; the rollout and its hosts are written by the caller, once for all its rounds.
 */
export async function applyPlan(tx: UnitOfWork, before: Standing, plan: RolloutPlan, at: WritingAt): Promise<Standing> {
  const { rollout, hosts } = before;
  const steps = hostStepsOf(plan);
  const ofStep = (op: HostStep["op"]): StoredRolloutHost[] => hosts.filter((host) => steps.get(host.hostId)?.op === op);
  const refused = new Set(plan.steps.flatMap((step) => (step.op === "restore-host" ? [step.hostId] : [])));
  const restored = hosts.filter((host) => refused.has(host.hostId));
  await restoreDesired(tx, rollout, restored, at);
  const begins = ofStep("begin-host").map((host) => ({ host, again: isAgain(steps.get(host.hostId)) }));
  const begun = await beginDesired(tx, rollout, begins, at);
  const back = await restoreDesired(tx, rollout, ofStep("roll-back-host"), at);
  return standingAfter(before, plan, new Map([...begun, ...back]), at.now);
}

function isAgain(step: HostStep | undefined): boolean {
  return step?.op === "begin-host" && step.again === true;
}
