import {
  HealPolicy_Action,
  StackPolicy_Drift,
  type HealPolicy as HealPolicyMessage,
  type StackPolicy as StackPolicyMessage,
} from "@windflow/proto/api";
import type { HealAction, HealPolicy, StackPolicy } from "./policy.ts";

const actions: Record<HealAction, HealPolicy_Action> = {
  restart: HealPolicy_Action.ACTION_RESTART,
  recreate: HealPolicy_Action.ACTION_RECREATE,
  alert: HealPolicy_Action.ACTION_ALERT,
};

export function policyOf(message: StackPolicyMessage): StackPolicy {
  const heal = Object.entries(message.heal).map(([service, rule]) => [service, healOf(rule)] as const);
  return {
    drift: message.drift === StackPolicy_Drift.DRIFT_REPORT ? "report" : "correct",
    heal: Object.fromEntries(heal),
    keepRevisions: message.keepRevisions,
    ...(message.rollout === undefined ? {} : { rollout: message.rollout }),
  };
}

export function policyMessage(policy: StackPolicy): StackPolicyMessage {
  const heal = Object.entries(policy.heal).map(([service, rule]) => [
    service,
    { ...rule, action: actions[rule.action] },
  ]);
  return {
    drift: policy.drift === "report" ? StackPolicy_Drift.DRIFT_REPORT : StackPolicy_Drift.DRIFT_CORRECT,
    heal: Object.fromEntries(heal),
    keepRevisions: policy.keepRevisions,
    rollout: policy.rollout,
  };
}

function healOf({ action, ...rule }: HealPolicyMessage): HealPolicy {
  const known = (Object.keys(actions) as HealAction[]).find((key) => actions[key] === action);
  return { ...rule, action: known ?? "restart" };
}
