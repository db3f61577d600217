import type { HealPolicy, HealPolicy_Action, StackPolicy } from "@windflow/proto/client";

export type HealWord = "restart" | "recreate" | "alert";
export const HEAL_ACTIONS: Record<HealWord, HealPolicy_Action> = {
  restart: "ACTION_RESTART",
  recreate: "ACTION_RECREATE",
  alert: "ACTION_ALERT",
};
/** What the control plane takes for a 0. */
export const DEFAULTS = {
  keepRevisions: 3,
  budget: 5,
  budgetSeconds: 600,
  backoffSeconds: 1,
  backoffLimitSeconds: 60,
} as const;
/** Every other service. */
export const EVERY_SERVICE = "*";

export const healWord = ({ action }: HealPolicy): HealWord =>
  action === "ACTION_RECREATE" ? "recreate" : action === "ACTION_ALERT" ? "alert" : "restart";
export const reportsDrift = (policy: StackPolicy): boolean => policy.drift === "DRIFT_REPORT";

/** The policy with a rule for a service; undefined takes the rule away. */
export function withHeal(policy: StackPolicy, service: string, heal: HealPolicy | undefined): StackPolicy {
  const { [service]: _before, ...rest } = policy.heal ?? {};
  return { ...policy, heal: heal === undefined ? rest : { ...rest, [service]: heal } };
}
/** Services with a rule: by name, the rule for all others last. */
export function healed(policy: StackPolicy): [service: string, heal: HealPolicy][] {
  const rank = (service: string): number => (service === EVERY_SERVICE ? 1 : 0);
  return Object.entries(policy.heal ?? {}).toSorted(([a], [b]) => rank(a) - rank(b) || a.localeCompare(b));
}
/** Services that may still get a rule. */
export function unhealed(policy: StackPolicy, services: readonly string[]): string[] {
  return [...services.toSorted((a, b) => a.localeCompare(b)), EVERY_SERVICE].filter(
    (one) => !(one in (policy.heal ?? {})),
  );
}
