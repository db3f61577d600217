import { RolloutStrategy } from "@windflow/proto/api";
import { expect, test } from "vitest";
import type { ComposeModel } from "@windflow/core";
import { defaultPolicy, hostPolicyOf, policyViolations, policyWarnings, type HealPolicy } from "./policy.ts";
import { policyMessage, policyOf } from "./policy-wire.ts";

const rule: HealPolicy = {
  action: "recreate",
  whenUnhealthy: true,
  budget: 0,
  budgetSeconds: 0,
  backoffSeconds: 0,
  backoffLimitSeconds: 0,
};
const strategy = RolloutStrategy.fromPartial({
  waves: [{ name: "canary", size: { $case: "hosts", value: 1 } }, { size: { $case: "percent", value: 50 } }],
  healthGate: { probes: [{ service: "web", check: { $case: "http", value: { port: 80 } } }] },
});

test("hosts are told nothing of a policy that is the default, and every figure of another", () => {
  expect(hostPolicyOf(defaultPolicy)).toBeUndefined();
  expect(hostPolicyOf({ ...defaultPolicy, keepRevisions: 3, rollout: strategy })).toBeUndefined();
  expect(hostPolicyOf({ ...defaultPolicy, drift: "report", heal: { "*": rule } })).toEqual({
    reportDrift: true,
    keepRevisions: 3,
    heal: {
      "*": {
        action: "recreate",
        whenUnhealthy: true,
        budget: 5,
        budgetSeconds: 600,
        backoffSeconds: 1,
        backoffLimitSeconds: 60,
      },
    },
  });
});

test("a policy is the same after the wire", () => {
  const policy = { drift: "report" as const, heal: { web: rule }, keepRevisions: 7, rollout: strategy };
  expect(policyOf(policyMessage(policy))).toEqual(policy);
  expect(policyOf(policyMessage(defaultPolicy))).toEqual(defaultPolicy);
});

test("a wave without a size, a probe without a check and waits that shrink are refused with their place", () => {
  const rollout = RolloutStrategy.fromPartial({ waves: [{}], healthGate: { probes: [{ service: "web" }] } });
  const heal = { web: { ...rule, backoffSeconds: 90 } };
  expect(policyViolations({ ...defaultPolicy, rollout, heal }).map(({ path }) => path)).toEqual([
    'policy.heal["web"].backoff_limit_seconds',
    "policy.rollout.waves[0]",
    "policy.rollout.health_gate.probes[0]",
  ]);
  expect(policyViolations({ ...defaultPolicy, rollout: strategy, heal: { web: rule } })).toEqual([]);
});

test("services that the latest revision does not have are a warning each", () => {
  const model = { name: "shop", services: { db: {} } } as unknown as ComposeModel;
  const warnings = policyWarnings({ ...defaultPolicy, rollout: strategy, heal: { "*": rule, web: rule } }, model);
  expect(warnings.map(({ severity, keyPath }) => [severity, keyPath])).toEqual([
    ["warning", "policy.heal.web"],
    ["warning", "policy.rollout.health_gate.probes[0]"],
  ]);
});
