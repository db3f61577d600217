import fc from "fast-check";
import { expect, test } from "vitest";
import type { HealRule } from "./desired.ts";
import { freshHealRecord, judgeHealing, type HealRecord, type HealTurn } from "./healing.ts";
import type { ObservedContainer } from "./observed.ts";
import { service, stack, stranger } from "./testing/small-world.ts";
import { editContainer, planText, running } from "./testing/plan-text.ts";

const RUNS = { numRuns: 2_000 };
const RULE: HealRule = {
  action: "restart",
  whenUnhealthy: true,
  budget: 3,
  budgetMs: 60_000,
  backoffMs: 1_000,
  backoffLimitMs: 8_000,
};
const FRESH = freshHealRecord({ stackId: "stk_shop", revision: 1 }, "web", 1);

function ended(finishedAt: number, extra: Partial<ObservedContainer> = {}): ObservedContainer {
  const detail = { createdAt: 0, startedAt: 0, finishedAt, restartCount: 0, outOfMemory: false };
  return stranger("shop-web-1", { state: "exited", exitCode: 1, detail, ...extra });
}

test("each trouble is met once, with a wait that doubles up to its limit, until the budget is spent", () => {
  let record: HealRecord = FRESH;
  const told: (HealTurn | undefined)[] = [];
  const waits: number[] = [];
  for (let crash = 0; crash < 4; crash++) {
    const at = crash * 10_000;
    const first = judgeHealing(record, ended(at), service(), RULE, at);
    record = first.record;
    if (first.healing.state === "waiting") {
      waits.push((first.healing.nextAt ?? 0) - at);
      const due = judgeHealing(record, ended(at), service(), RULE, first.healing.nextAt ?? 0);
      told.push(due.turn);
      // The next look, or the next agent, finds the same trouble: it goes on with the attempt and counts no other.
      const again = judgeHealing(due.record, ended(at), service(), RULE, at + 9_000);
      expect(again).toMatchObject({ healing: { state: "acting" }, record: { attempts: due.record.attempts } });
      record = again.record;
    } else told.push(first.turn);
  }
  expect(waits).toEqual([1_000, 2_000, 4_000]);
  expect(told).toEqual(["restarted", "restarted", "restarted", "given-up"]);
  // Given up is given up, also when the window has passed, and it is told once.
  const later = judgeHealing(record, ended(30_000), service(), RULE, 10_000_000);
  expect(later.healing.state).toBe("given-up");
  expect(later.turn).toBeUndefined();
});

test("what ended as it should, was interrupted, or is unhealthy without a word about that, is no trouble", () => {
  const calm = { ...RULE, whenUnhealthy: false };
  const sick = stranger("shop-web-1", {
    health: "unhealthy",
    detail: { createdAt: 0, startedAt: 5, restartCount: 0, outOfMemory: false },
  });
  const stateOf = (container: ObservedContainer, rule: HealRule, restart?: string): string =>
    judgeHealing(FRESH, container, service(restart === undefined ? {} : { restart }), rule, 99_000).healing.state;
  expect(stateOf(ended(1, { exitCode: 0 }), RULE)).toBe("watched");
  expect(stateOf(ended(1, { exitCode: 0 }), RULE, "always")).toBe("waiting");
  expect(stateOf(ended(1, { interrupted: true }), RULE)).toBe("watched");
  expect(stateOf(sick, calm)).toBe("watched");
  expect(stateOf(sick, RULE)).toBe("waiting");
});

test("a container that is made anew stays so until another is in its place, whatever its stop makes it look like", () => {
  const rule: HealRule = { ...RULE, action: "recreate", backoffMs: 0 };
  const begun = judgeHealing(FRESH, ended(1), service(), rule, 1).record;
  const stopped = judgeHealing(begun, ended(9, { interrupted: true }), service(), rule, 9);
  expect(stopped).toMatchObject({ healing: { state: "acting", action: "recreate" }, record: { attempts: [1] } });
  const next = judgeHealing(stopped.record, { ...stranger("shop-web-1"), id: "another" }, service(), rule, 10);
  expect(next.healing.state).toBe("watched");
  expect(next.record.remaking).toBeUndefined();
});

test("an alert is told once and nothing is done", () => {
  const rule: HealRule = { ...RULE, action: "alert" };
  const first = judgeHealing(FRESH, ended(1), service(), rule, 1);
  expect(first).toMatchObject({ turn: "alerted", healing: { state: "alerted" } });
  expect(judgeHealing(first.record, ended(1), service(), rule, 2).turn).toBeUndefined();
});

test("the budget is never exceeded, whatever ends when, however often the agent looks, and wherever its clock jumps", () => {
  const look = fc.record({
    passMs: fc.integer({ min: 0, max: 20_000 }),
    what: fc.constantFrom("end", "well", "sick", "same"),
    restart: fc.boolean(),
  });
  const rules = fc.record({
    action: fc.constantFrom("restart" as const, "recreate" as const, "alert" as const),
    whenUnhealthy: fc.boolean(),
    budget: fc.integer({ min: 1, max: 6 }),
    budgetMs: fc.integer({ min: 1_000, max: 120_000 }),
    backoffMs: fc.integer({ min: 0, max: 5_000 }),
    backoffLimitMs: fc.integer({ min: 0, max: 20_000 }),
  });
  fc.assert(
    fc.property(fc.array(look, { maxLength: 60 }), rules, (looks, rule) => {
      let now = 1_000_000;
      let record: HealRecord = FRESH;
      let container = stranger("shop-web-1");
      const acts: number[] = [];
      for (const { passMs, what, restart } of looks) {
        now += passMs;
        const detail = { createdAt: 0, startedAt: now, finishedAt: now, restartCount: 0, outOfMemory: false };
        if (what === "end") container = ended(now);
        if (what === "well") container = stranger("shop-web-1", { detail });
        if (what === "sick") container = stranger("shop-web-1", { health: "unhealthy", detail });
        // An agent that was killed has what it wrote down.
        if (restart) record = JSON.parse(JSON.stringify(record)) as HealRecord;
        const judged = judgeHealing(record, container, service(), rule, now);
        record = judged.record;
        if (judged.turn === "restarted" || judged.turn === "recreated") acts.push(now);
        expect(judgeHealing(record, container, service(), rule, now).turn).toBeUndefined();
      }
      for (const at of acts)
        expect(acts.filter((other) => other >= at && other - at < rule.budgetMs).length).toBeLessThanOrEqual(
          rule.budget,
        );
      if (rule.action === "alert") expect(acts).toEqual([]);
    }),
    RUNS,
  );
});

const healing = { action: "restart", attempts: 2, budget: 5, budgetMs: 600_000 } as const;

test.each([
  ["waiting", "nothing to do"],
  ["given-up", "nothing to do"],
  ["acting", "1. start-container shop-web-1: it ended with exit code 1: it is started again, attempt 2 of 5"],
] as const)("an ended container whose healing is %s", (state, expected) => {
  const web = stack({ web: service({ restart: "always" }) });
  const engine = running(web);
  editContainer(engine, "shop-web-1", {
    state: "exited",
    exitCode: 1,
    interrupted: false,
    healing: { ...healing, state, trouble: "ended" },
  });
  expect(planText(engine, [web])).toBe(expected);
});

test("an unhealthy one is restarted, or made anew without anything being kept of it", () => {
  const web = stack({ web: service() });
  const engine = running(web);
  const sick = { health: "unhealthy" as const };
  editContainer(engine, "shop-web-1", { ...sick, healing: { ...healing, state: "acting", trouble: "unhealthy" } });
  expect(planText(engine, [web])).toBe("1. restart-container shop-web-1: it is started again, attempt 2 of 5");
  editContainer(engine, "shop-web-1", {
    ...sick,
    healing: { ...healing, action: "recreate", state: "acting", trouble: "unhealthy" },
  });
  expect(
    planText(engine, [web])
      .split("\n")
      .map((line) => line.replace(/:.*/, "")),
  ).toEqual([
    "1. stop-container shop-web-1 [000000000002]",
    "2. remove-container shop-web-1 [000000000002]",
    "3. create-container shop-web-1",
    "4. start-container shop-web-1",
    "interruption of web for up to 11 s",
  ]);
});
