import fc from "fast-check";
import { expect, test } from "vitest";
import type { DesiredStack, HostPolicy } from "./desired.ts";
import { policyKey, sortDrift, type Settled } from "./drift.ts";
import type { ObservedContainer, ObservedWorld } from "./observed.ts";
import type { Plan } from "./steps.ts";
import { arbitraryStack } from "./testing/arbitrary-stack.ts";
import { createModelEngine, type ModelEngine } from "./testing/model-engine.ts";
import { editContainer, planNow, planText, running } from "./testing/plan-text.ts";
import { desiredWorld, emptyWorld, service, stack, stranger } from "./testing/small-world.ts";

// Some hundred runs of a dozen plans each, in a second or two.
const RUNS = { numRuns: 300 };
const ROUNDS = 12;
const REPORT: HostPolicy = { reportDrift: true, heal: {}, keepRevisions: 3 };

function settledOn(wanted: DesiredStack): Settled {
  const { stackId, revision, attempt = "", correct = "" } = wanted;
  return { stackId, revision, attempt, policy: policyKey(wanted), corrected: correct };
}

function bringToRest(engine: ModelEngine, wanted: DesiredStack, settled: readonly Settled[]): void {
  for (let round = 0; round < ROUNDS; round++) {
    const { plan } = sorted(engine, wanted, settled);
    if (plan.steps.length === 0 && plan.recheckAt === undefined) return;
    engine.run(plan, desiredWorld(wanted));
    engine.passTime(Math.max(0, (plan.recheckAt ?? 0) - engine.world().observedAt));
  }
}

function sorted(
  engine: ModelEngine,
  wanted: DesiredStack,
  settled: readonly Settled[],
): { plan: Plan; drift: ReturnType<typeof sortDrift>["drift"] } {
  return sortDrift(planNow(engine, [wanted]), engine.world(), [wanted], settled);
}

/** What hands, and nobody of ours, do to a host. */
const mischief = fc.array(
  fc.record({
    act: fc.constantFrom("remove", "rename", "alter", "detach", "double", "network", "volume", "end"),
    on: fc.nat({ max: 5 }),
  }),
  { minLength: 1, maxLength: 4 },
);

function meddle(world: ObservedWorld, act: string, on: number): ObservedWorld {
  const own = world.containers.filter(({ labels }) => labels["dev.windflow.stack"] !== undefined);
  const victim = own[on % Math.max(1, own.length)];
  const edit = (change: (container: ObservedContainer) => ObservedContainer | undefined): ObservedWorld => ({
    ...world,
    containers: world.containers.flatMap((one) => (one === victim ? (change(one) ?? []) : [one])),
  });
  switch (act) {
    case "remove":
      return edit(() => undefined);
    case "rename":
      return edit((one) => ({ ...one, name: `renamed-${world.containers.length}-${one.name}` }));
    case "alter":
      return edit((one) => ({ ...one, altered: ["Memory"] }));
    case "detach":
      return edit((one) => ({ ...one, networks: [] }));
    case "end":
      return edit((one) => ({ ...one, state: "exited", exitCode: 1, interrupted: false }));
    case "double": {
      const count = world.containers.length;
      const double = victim && { ...victim, id: `${count}-${victim.id}`, name: `double-${count}-${victim.name}` };
      return double ? { ...world, containers: [...world.containers, double] } : world;
    }
    case "network":
      return { ...world, networks: world.networks.slice(1), containers: world.containers };
    default:
      return { ...world, volumes: world.volumes.slice(0, -1) };
  }
}

const identity = (world: ObservedWorld): string =>
  JSON.stringify([
    world.containers.map(({ id, name, networks }) => [id, name, networks]),
    world.networks.map(({ id }) => id),
    world.volumes.map(({ name }) => name),
  ]);

test("under report nothing is changed that hands did, and a correction that is asked for brings it all back", () => {
  fc.assert(
    fc.property(arbitraryStack(1), mischief, (first, acts) => {
      const wanted: DesiredStack = { ...first, policy: REPORT };
      const engine = createModelEngine(emptyWorld({ containers: [stranger("redis")] }));
      bringToRest(engine, wanted, []);
      const settled = [settledOn(wanted)];
      for (const { act, on } of acts) engine.change((world) => meddle(world, act, on));
      const before = identity(engine.world());
      bringToRest(engine, wanted, settled);
      expect(identity(engine.world())).toBe(before);
      const { plan, drift } = sorted(engine, wanted, settled);
      // What is left to do is what is told; nothing of it is hidden.
      if (planNow(engine, [wanted]).steps.some(({ op }) => op === "create-container" || op === "remove-container"))
        expect(drift.get(wanted.stackId)?.length).toBeGreaterThan(0);
      expect(plan.steps.filter(({ op }) => op === "remove-volume")).toEqual([]);
      const asked: DesiredStack = { ...wanted, correct: "now" };
      bringToRest(engine, asked, settled);
      expect(planNow(engine, [asked]).steps).toEqual([]);
      expect(engine.world().containers.filter(({ name }) => name === "redis")).toHaveLength(1);
    }),
    RUNS,
  );
});

test("under correct all is brought back at once, and told as drift; what was not settled yet is none", () => {
  fc.assert(
    fc.property(arbitraryStack(1), mischief, (wanted, acts) => {
      const engine = createModelEngine(emptyWorld());
      bringToRest(engine, wanted, []);
      for (const { act, on } of acts) engine.change((world) => meddle(world, act, on));
      const { plan, drift } = sorted(engine, wanted, [settledOn(wanted)]);
      expect(plan).toEqual(planNow(engine, [wanted]));
      expect(sorted(engine, wanted, []).drift.size).toBe(0);
      expect(JSON.stringify([...drift])).toBe(JSON.stringify([...sorted(engine, wanted, [settledOn(wanted)]).drift]));
    }),
    RUNS,
  );
});

test("a container that ended by itself is started under report too, while one that is missing is only told", () => {
  const wanted = stack({ a: service({ restart: "always" }), b: service({ restart: "always" }) }, { policy: REPORT });
  const engine = running(wanted);
  editContainer(engine, "shop-a-1", { state: "exited", exitCode: 1, interrupted: false });
  engine.change((world) => ({ ...world, containers: world.containers.filter(({ name }) => name !== "shop-b-1") }));
  const { plan, drift } = sorted(engine, wanted, [settledOn(wanted)]);
  expect(plan.steps.map(({ id }) => id)).toEqual(["start-container shop-a-1"]);
  expect(drift.get(wanted.stackId)?.map(({ id }) => id)).toEqual([
    "create-container shop-b-1",
    "start-container shop-b-1",
  ]);
  expect(planText(engine, [wanted])).toContain("create-container shop-b-1: missing");
});

test("a heal rule switches the engine's own restart policy off, and gives it back; by hand it is drift", () => {
  const web = { web: service({ restart: "always" }) };
  const plain = stack(web);
  const rule = {
    action: "restart" as const,
    whenUnhealthy: false,
    budget: 5,
    budgetMs: 1,
    backoffMs: 1,
    backoffLimitMs: 1,
  };
  const healed = stack(web, { policy: { ...REPORT, heal: { "*": rule } } });
  const engine = running(plain);
  const policy = (name: "always" | "no"): void => {
    const detail = { createdAt: 0, startedAt: 0, restartCount: 0, outOfMemory: false };
    editContainer(engine, "shop-web-1", { detail: { ...detail, restartPolicy: { name, maximumRetries: 0 } } });
  };
  policy("always");
  expect(planText(engine, [plain])).toBe("nothing to do");
  expect(planText(engine, [healed])).toBe(
    "1. set-restart-policy shop-web-1 to no: its restart policy is always, not no; its heal policy says what happens when it ends",
  );
  expect(sorted(engine, healed, [settledOn(plain)]).drift.size).toBe(0);
  policy("no");
  expect(planText(engine, [plain])).toBe(
    "1. set-restart-policy shop-web-1 to always: its restart policy is no, not always",
  );
  expect(sorted(engine, plain, [settledOn(plain)]).drift.size).toBe(1);
});
