import { expect, test } from "vitest";
import type { HostPolicy } from "./desired.ts";
import { policyKey, sortDrift } from "./drift.ts";
import type { Healing } from "./healing.ts";
import { editContainer, planNow, running } from "./testing/plan-text.ts";
import { desiredWorld, service, stack } from "./testing/small-world.ts";

const RULE = {
  action: "recreate",
  whenUnhealthy: true,
  budget: 3,
  budgetMs: 60_000,
  backoffMs: 1,
  backoffLimitMs: 1,
} as const;
const REPORT: HostPolicy = { reportDrift: true, heal: { web: RULE }, keepRevisions: 3 };

test("a container that is made anew by its heal rule takes along what shares its network, and nothing of that is drift", () => {
  const services = {
    web: service({ restart: "always" }),
    proxy: service({ restart: "always", networks: null, network_mode: "service:web" } as never),
  };
  const wanted = stack(services, { policy: REPORT });
  const engine = running(wanted);
  const settled = [{ stackId: wanted.stackId, revision: 1, attempt: "", policy: policyKey(wanted), corrected: "" }];
  expect(planNow(engine, [wanted]).steps).toEqual([]);
  const healing: Healing = {
    state: "acting",
    trouble: "unhealthy",
    action: "recreate",
    attempts: 1,
    budget: 3,
    budgetMs: 60_000,
  };
  editContainer(engine, "shop-web-1", { health: "unhealthy", healing });
  const plan = planNow(engine, [wanted]);
  const sorted = sortDrift(plan, engine.world(), [wanted], settled);
  expect(plan.steps.map(({ id }) => id)).toContain("create-container shop-proxy-1");
  expect([...sorted.drift.values()].flat().map(({ id }) => id)).toEqual([]);
  expect(sorted.plan.steps).toEqual(plan.steps);
  // The new one is judged well before the other has been made: what was begun goes on.
  engine.run(plan, desiredWorld(wanted), 4);
  const after = planNow(engine, [wanted]);
  const rest = sortDrift(after, engine.world(), [wanted], settled, [], engine.replacements());
  expect(after.steps.map(({ id }) => id)).toContain("start-container shop-proxy-1");
  expect(rest.plan.steps).toEqual(after.steps);
});
