import type { ComposeModel } from "@windflow/core";
import type { HostStackPolicy } from "@windflow/proto/agent";
import type { RolloutStrategy } from "@windflow/proto/api";
import type { Violation } from "../platform/index.ts";
import type { StoredProblem } from "./model.ts";

export type HealAction = "restart" | "recreate" | "alert";

/** What a host does with a service that ended or is unhealthy. A 0 means the default of its figure. */
export interface HealPolicy {
  readonly action: HealAction;
  readonly whenUnhealthy: boolean;
  /** Attempts within `budgetSeconds`; after them it is left alone and told. */
  readonly budget: number;
  readonly budgetSeconds: number;
  readonly backoffSeconds: number;
  readonly backoffLimitSeconds: number;
}

/** What hosts do with a stack by themselves. */
export interface StackPolicy {
  /** `correct`: what nobody asked for is put right; `report`: it is told and left alone. */
  readonly drift: "correct" | "report";
  /** Service → policy; "*" for every other one. */
  readonly heal: Readonly<Record<string, HealPolicy>>;
  /** Revisions whose images each host keeps, the current one counted; 0 means the default. */
  readonly keepRevisions: number;
  /** How rollouts go about it that name no strategy, as the API has it: rollouts alone understand it. */
  readonly rollout?: RolloutStrategy;
}

export const defaultPolicy: StackPolicy = { drift: "correct", heal: {}, keepRevisions: 0 };

// The current revision, the one that a rollback goes to, and one more for a rollback that was no good either.
export const KEPT_REVISIONS = 3;
// A service that comes back within a second or so five times in ten minutes is not going to be helped by a sixth time.
const BUDGET = 5;
const BUDGET_SECONDS = 600;
const BACKOFF_SECONDS = 1;
const BACKOFF_LIMIT_SECONDS = 60;

/** The part that travels to hosts, every figure filled in; undefined for what they do anyway. */
export function hostPolicyOf(policy: StackPolicy): HostStackPolicy | undefined {
  const services = Object.entries(policy.heal);
  const keepRevisions = policy.keepRevisions || KEPT_REVISIONS;
  if (policy.drift === "correct" && services.length === 0 && keepRevisions === KEPT_REVISIONS) return undefined;
  const heal = services.map(([service, rule]) => [
    service,
    {
      action: rule.action,
      whenUnhealthy: rule.whenUnhealthy,
      budget: rule.budget || BUDGET,
      budgetSeconds: rule.budgetSeconds || BUDGET_SECONDS,
      backoffSeconds: rule.backoffSeconds || BACKOFF_SECONDS,
      backoffLimitSeconds: rule.backoffLimitSeconds || BACKOFF_LIMIT_SECONDS,
    },
  ]);
  return { reportDrift: policy.drift === "report", heal: Object.fromEntries(heal), keepRevisions };
}

/** What no rollout can follow, whatever the stack: waves without a size, probes without a check. */
export function strategyViolations(strategy: RolloutStrategy, path: string): Violation[] {
  const waves = strategy.waves.flatMap((wave, i) =>
    wave.size === undefined
      ? [{ path: `${path}.waves[${i}]`, message: "says how many: one of hosts, percent, list and labels" }]
      : [],
  );
  const probes = (strategy.healthGate?.probes ?? []).flatMap((probe, i) =>
    probe.check === undefined
      ? [{ path: `${path}.health_gate.probes[${i}]`, message: "says what to ask: one of http, tcp and exec" }]
      : [],
  );
  return [...waves, ...probes];
}

export function policyViolations(policy: StackPolicy): Violation[] {
  const limits = Object.entries(policy.heal).flatMap(([service, rule]) => {
    const first = rule.backoffSeconds || BACKOFF_SECONDS;
    const longest = rule.backoffLimitSeconds || BACKOFF_LIMIT_SECONDS;
    const message = `the longest wait (${longest} s) is shorter than the first (${first} s)`;
    return first > longest ? [{ path: `policy.heal[${JSON.stringify(service)}].backoff_limit_seconds`, message }] : [];
  });
  return [...limits, ...(policy.rollout === undefined ? [] : strategyViolations(policy.rollout, "policy.rollout"))];
}

/** Where the policy names services that the model does not have: no error, since the next revision may have them. */
export function policyWarnings(policy: StackPolicy, model: ComposeModel): StoredProblem[] {
  const known = new Set(Object.keys(model.services));
  const gate = policy.rollout?.healthGate;
  const named = [
    ...Object.keys(policy.heal).flatMap((service) =>
      service === "*" ? [] : [{ service, keyPath: `policy.heal.${service}` }],
    ),
    ...(gate?.probes ?? []).map(({ service }, i) => ({
      service,
      keyPath: `policy.rollout.health_gate.probes[${i}]`,
    })),
    ...(gate?.metricConditions ?? []).flatMap(({ service }, i) =>
      service === "" ? [] : [{ service, keyPath: `policy.rollout.health_gate.metric_conditions[${i}]` }],
    ),
  ];
  return named.flatMap(({ service, keyPath }) => (known.has(service) ? [] : [unknownService(service, keyPath)]));
}

function unknownService(service: string, keyPath: string): StoredProblem {
  return {
    severity: "warning",
    code: "WF_POLICY_SERVICE",
    file: "",
    line: 0,
    column: 0,
    keyPath,
    what: `the latest revision has no service ${service}`,
    why: "what the policy says of it has no effect, and a probe of it can never succeed",
    fix: "name a service of the compose file, or take it out of the policy",
  };
}
