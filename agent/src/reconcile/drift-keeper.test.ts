import type {
  DesiredStack,
  DesiredWorld,
  HostPolicy,
  ObservedContainer,
  ObservedWorld,
  Plan,
  Step,
} from "@windflow/core";
import { expect, test } from "vitest";
import { createDriftKeeper } from "./drift-keeper.ts";
import type { ReconcileMemory, StackSettlement } from "./options.ts";

const POLICY: HostPolicy = {
  reportDrift: true,
  heal: {
    "*": {
      action: "restart",
      whenUnhealthy: false,
      budget: 3,
      budgetMs: 60_000,
      backoffMs: 1_000,
      backoffLimitMs: 8_000,
    },
  },
  keepRevisions: 3,
};
const EMPTY: Plan = { steps: [], problems: [], downtime: [], replacements: [] };
const STEP = {
  op: "set-restart-policy",
  id: "set-restart-policy shop-web-1",
  stackId: "stk_1",
  service: "web",
  slot: "shop-web-1",
  containerId: "c1",
  dependsOn: [],
  cause: "its restart policy is always, not no",
  policy: { name: "no", maximumRetries: 0 },
} as unknown as Step;

function desired(policy?: HostPolicy): DesiredWorld {
  const model = { name: "shop", services: { web: { image: "app:1", command: null, entrypoint: null } } };
  const base = { stackId: "stk_1", stackName: "shop", project: "shop", revision: 1, bodyDigest: "b" };
  const stack: DesiredStack = { ...base, model, files: {}, images: {}, ...(policy === undefined ? {} : { policy }) };
  return { organizationId: "org_1", generation: "1.1", stacks: [stack] };
}
function world(isInspected: boolean): ObservedWorld {
  const labels = { "dev.windflow.organization": "org_1", "dev.windflow.stack": "stk_1" };
  const detail = { createdAt: 0, restartCount: 0, outOfMemory: false };
  const container = { id: "c1", name: "shop-web-1", labels, state: "running", ...(isInspected ? { detail } : {}) };
  const lists = { containers: [container as unknown as ObservedContainer], networks: [], volumes: [], images: [] };
  return { observedAt: 0, engine: {} as ObservedWorld["engine"], ...lists };
}
const settlement = (converged: boolean): StackSettlement[] => [
  { stackId: "stk_1", revision: 1, converged, waiting: [], failing: [], problems: [], drift: [], restarts: 0 },
];

function keeperOf(memory: Partial<ReconcileMemory>): {
  remembered: ReconcileMemory;
  keep(next: Partial<ReconcileMemory>): void;
} {
  return {
    remembered: { pins: [], holds: [], running: [], bootId: "b", ...memory },
    keep(next) {
      this.remembered = { ...this.remembered, ...next };
    },
  };
}

test("a policy that came just before the agent was restarted is followed: what was not inspected yet is not at rest", () => {
  const settled = [{ stackId: "stk_1", revision: 1, attempt: "", policy: "", corrected: "" }];
  const drifts = createDriftKeeper({ keeper: keeperOf({ settled }), tell: () => undefined });
  const now = desired(POLICY);
  // The first look has lists only: no restart policy is known, so there is nothing to do yet.
  drifts.sort(EMPTY, world(false), now, 1);
  drifts.settle(settlement(true), EMPTY, now);
  const plan = drifts.sort({ ...EMPTY, steps: [STEP] }, world(true), now, 2);
  expect(plan.steps).toEqual([STEP]);
  expect(drifts.of("stk_1")).toEqual({ drift: [] });
});

test("a policy that is taken back before all of it was done is asked for: what gives the containers back is no drift", () => {
  const told: string[] = [];
  const drifts = createDriftKeeper({ keeper: keeperOf({}), tell: ({ type }) => void told.push(type) });
  const plan = { ...EMPTY, steps: [STEP] };
  drifts.sort(EMPTY, world(true), desired(), 1);
  drifts.settle(settlement(true), EMPTY, desired());
  drifts.sort(plan, world(true), desired(POLICY), 2);
  drifts.settle(settlement(false), plan, desired(POLICY));
  drifts.sort(plan, world(true), desired(), 3);
  expect(drifts.of("stk_1")).toEqual({ drift: [] });
  drifts.settle(settlement(false), plan, desired());
  drifts.sort(EMPTY, world(true), desired(), 4);
  drifts.settle(settlement(true), EMPTY, desired());
  expect(told).toEqual([]);
  // From here on it is drift again.
  drifts.sort(plan, world(true), desired(), 5);
  expect(drifts.of("stk_1")).toEqual({ drift: [STEP], driftSince: 5 });
});

test("drift stands, since the same moment, while what shows it is inspected anew", () => {
  const drifts = createDriftKeeper({ keeper: keeperOf({}), tell: () => undefined });
  const now = desired(POLICY);
  drifts.sort(EMPTY, world(true), now, 1);
  drifts.settle(settlement(true), EMPTY, now);
  drifts.sort({ ...EMPTY, steps: [STEP] }, world(true), now, 2);
  expect(drifts.of("stk_1")).toEqual({ drift: [STEP], driftSince: 2 });
  drifts.sort(EMPTY, world(false), now, 3);
  expect(drifts.of("stk_1")).toEqual({ drift: [STEP], driftSince: 2 });
  drifts.sort(EMPTY, world(true), now, 4);
  expect(drifts.of("stk_1")).toEqual({ drift: [] });
});
