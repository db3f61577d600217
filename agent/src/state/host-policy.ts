import type { GateProbe, HealAction, HealRule, HostPolicy } from "@windflow/core";
import type { GateProbe as WireProbe, HealRule as WireRule, HostStackPolicy } from "@windflow/proto/agent";

/** Revisions that are kept when nobody says how many: what runs, what ran before it, and one more. */
export const DEFAULT_KEEP_REVISIONS = 3;
const SECOND_MS = 1_000;
const DEFAULT_BUDGET = 5;
const DEFAULT_BUDGET_SECONDS = 600;
const DEFAULT_BACKOFF_SECONDS = 1;
const DEFAULT_BACKOFF_LIMIT_SECONDS = 60;
const DEFAULT_INTERVAL_SECONDS = 5;
const DEFAULT_TIMEOUT_SECONDS = 5;

/** A policy as the planner takes it, with every default filled in. */
export function hostPolicy(policy: HostStackPolicy | undefined): HostPolicy | undefined {
  if (policy === undefined) return undefined;
  return {
    reportDrift: policy.reportDrift,
    heal: Object.fromEntries(Object.entries(policy.heal).map(([service, rule]) => [service, healRule(rule)])),
    keepRevisions: policy.keepRevisions || DEFAULT_KEEP_REVISIONS,
  };
}

// An action that this agent does not know must do no harm.
const ACTIONS: Partial<Record<string, HealAction>> = { restart: "restart", recreate: "recreate", "": "restart" };

function healRule(rule: WireRule): HealRule {
  return {
    action: ACTIONS[rule.action] ?? "alert",
    whenUnhealthy: rule.whenUnhealthy,
    budget: rule.budget || DEFAULT_BUDGET,
    budgetMs: (rule.budgetSeconds || DEFAULT_BUDGET_SECONDS) * SECOND_MS,
    backoffMs: (rule.backoffSeconds || DEFAULT_BACKOFF_SECONDS) * SECOND_MS,
    backoffLimitMs: (rule.backoffLimitSeconds || DEFAULT_BACKOFF_LIMIT_SECONDS) * SECOND_MS,
  };
}

/** Probes of a gate in their order; one that asks for nothing is left out. */
export function gateProbes(probes: readonly WireProbe[]): GateProbe[] {
  return probes.flatMap((probe) => {
    const check = checkOf(probe);
    if (check === undefined) return [];
    return {
      service: probe.service,
      check,
      intervalMs: (probe.intervalSeconds || DEFAULT_INTERVAL_SECONDS) * SECOND_MS,
      timeoutMs: (probe.timeoutSeconds || DEFAULT_TIMEOUT_SECONDS) * SECOND_MS,
      successes: probe.successes || 1,
    };
  });
}

function checkOf(probe: WireProbe): GateProbe["check"] | undefined {
  if (probe.httpPort > 0)
    return {
      kind: "http",
      port: probe.httpPort,
      path: probe.httpPath === "" ? "/" : probe.httpPath,
      ...(probe.httpStatus === 0 ? {} : { status: probe.httpStatus }),
      ...(probe.httpContains === "" ? {} : { contains: probe.httpContains }),
    };
  if (probe.tcpPort > 0) return { kind: "tcp", port: probe.tcpPort };
  return probe.command.length > 0 ? { kind: "exec", command: probe.command } : undefined;
}
