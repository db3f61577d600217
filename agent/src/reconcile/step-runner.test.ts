import type { Plan, Step } from "@windflow/core";
import { expect, test } from "vitest";
import { createStepRunner, type StepRunner } from "./step-runner.ts";
import { EngineError } from "./engine.ts";

interface Bench {
  readonly runner: StepRunner;
  readonly started: string[];
  readonly told: string[];
  readonly end: (id: string, error?: Error) => Promise<void>;
  readonly passTime: (ms: number) => void;
}

/** A runner whose steps end when the test says so, on a clock that stands still. */
function bench(): Bench {
  let now = 0;
  const timers: { at: number; callback: () => void }[] = [];
  const open = new Map<string, { resolve: () => void; reject: (error: Error) => void }>();
  const started: string[] = [];
  const told: string[] = [];
  const runner = createStepRunner({
    clock: {
      now: () => now,
      after(ms, callback) {
        const timer = { at: now + ms, callback };
        timers.push(timer);
        return () => void timers.splice(timers.indexOf(timer), timers.includes(timer) ? 1 : 0);
      },
    },
    run(step) {
      started.push(step.id);
      return new Promise((resolve, reject) => open.set(step.id, { resolve, reject }));
    },
    onDrained: () => told.push("drained"),
    onRetryDue: () => told.push("retry"),
    onEngineLost: () => told.push("lost"),
  });
  return {
    runner,
    started,
    told,
    async end(id, error) {
      const step = open.get(id);
      if (error) step?.reject(error);
      else step?.resolve();
      // The runner acts on the end of a step two turns later.
      for (let turn = 0; turn < 5; turn++) await Promise.resolve();
    },
    passTime(ms) {
      now += ms;
      for (const timer of timers.filter(({ at }) => at <= now)) {
        timers.splice(timers.indexOf(timer), 1);
        timer.callback();
      }
    },
  };
}

function start(slot: string, dependsOn: string[] = []): Step {
  return {
    op: "start-container",
    id: slot,
    stackId: "s",
    slot,
    cause: "new",
    hooks: 0,
    dependsOn,
    lock: `container ${slot}`,
  };
}

function wait(id: string, dependsOn: string[] = []): Step {
  return { op: "wait", id, stackId: "s", slot: id, until: "healthy", cause: "dependency", dependsOn, lock: id };
}

function plan(...steps: Step[]): Plan {
  return { steps, problems: [], downtime: [], replacements: [] };
}

test("a step starts as soon as those before it are done, without another look", async () => {
  const { runner, started, told, end } = bench();
  runner.adopt(plan(start("a"), start("b", ["a"]), start("c", ["b"])), runner.mark());
  expect(started).toEqual(["a"]);
  await end("a");
  expect(started).toEqual(["a", "b"]);
  await end("b");
  await end("c");
  expect(told).toEqual(["drained"]);
});

test("four at once, in the order of the plan", async () => {
  const { runner, started, end } = bench();
  runner.adopt(plan(...["a", "b", "c", "d", "e", "f"].map((slot) => start(slot))), runner.mark());
  expect(started).toEqual(["a", "b", "c", "d"]);
  await end("c");
  expect(started).toEqual(["a", "b", "c", "d", "e"]);
});

test("a wait keeps back what depends on it until a new plan comes without it", async () => {
  const { runner, started, end } = bench();
  runner.adopt(plan(start("db"), wait("db healthy", ["db"]), start("web", ["db healthy"])), runner.mark());
  await end("db");
  expect(started).toEqual(["db"]);
  runner.adopt(plan(start("web")), runner.mark());
  expect(started).toEqual(["db", "web"]);
});

test("a step that ended after the look began is not done twice", async () => {
  const { runner, started, end } = bench();
  runner.adopt(plan(start("a"), start("b", ["a"])), runner.mark());
  const mark = runner.mark();
  await end("a");
  runner.adopt(plan(start("a"), start("b", ["a"]), start("c", ["a"])), mark);
  expect(started).toEqual(["a", "b", "c"]);
});

test("a failing step backs off, twice as long each time, and is reported with its reason", async () => {
  const { runner, started, told, end, passTime } = bench();
  const again = plan(start("a"));
  runner.adopt(again, runner.mark());
  await end("a", new EngineError("port is already allocated", 500));
  expect(runner.failing("s")).toMatchObject([
    { stepId: "a", reason: "port is already allocated", attempts: 1, nextTryAt: 1_000 },
  ]);
  runner.adopt(again, runner.mark());
  expect(started).toEqual(["a"]);
  passTime(1_000);
  expect(told).toEqual(["drained", "retry"]);
  runner.adopt(again, runner.mark());
  expect(started).toEqual(["a", "a"]);
  await end("a", new EngineError("port is already allocated", 500));
  expect(runner.failing("s")).toMatchObject([{ attempts: 2, nextTryAt: 3_000 }]);
  runner.adopt(plan(), runner.mark());
  expect(runner.failing("s")).toEqual([]);
});

test("an engine that is away is no failure of the step", async () => {
  const { runner, told, end } = bench();
  runner.adopt(plan(start("a")), runner.mark());
  await end("a", new EngineError("connect ENOENT", undefined));
  expect(runner.failing("s")).toEqual([]);
  expect(told).toContain("lost");
});

test("pulls and stops do not take the places of other work", () => {
  const { runner, started } = bench();
  const stop = (slot: string): Step => ({
    op: "stop-container",
    id: slot,
    stackId: "s",
    slot,
    containerId: slot,
    cause: "old",
    dependsOn: [],
    lock: `container ${slot}`,
  });
  runner.adopt(
    plan(...["a", "b", "c", "d", "e"].map(stop), ...["f", "g", "h", "i", "j"].map((slot) => start(slot))),
    runner.mark(),
  );
  expect(started).toEqual(["a", "b", "c", "d", "e", "f", "g", "h", "i"]);
});

test("an operator's act and a step on the same container never run at once", async () => {
  const { runner, started, end } = bench();
  runner.adopt(plan(start("a")), runner.mark());
  const acts: string[] = [];
  const act = runner.exclusive("container a", async () => void acts.push("act"));
  expect(acts).toEqual([]);
  await end("a");
  await act;
  expect(started).toEqual(["a"]);
  expect(acts).toEqual(["act"]);
});

test("a new attempt waits for no delay that an earlier one has earned", async () => {
  const { runner, started, end } = bench();
  runner.adopt(plan(start("a")), runner.mark());
  await end("a", new EngineError("refused", 500));
  expect(runner.failing("s")).toMatchObject([{ attempts: 1 }]);
  runner.adopt(plan(start("a")), runner.mark());
  expect(started).toEqual(["a"]);
  runner.forgive("s");
  expect(runner.failing("s")).toEqual([]);
  runner.adopt(plan(start("a")), runner.mark());
  expect(started).toEqual(["a", "a"]);
});
