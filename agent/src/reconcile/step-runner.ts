import type { Plan, Step, StepOp } from "@windflow/core";
import type { Clock } from "../platform/clock.ts";
import { reasonOf } from "../platform/log.ts";
import { EngineError } from "./engine.ts";
import type { FailingStep } from "./options.ts";

// A container costs the engine about 115 ms of processor time; on two cores more at once gains nothing.
const STEPS_AT_ONCE = 4;
// A stop mostly waits for the grace period, so it does not keep other work from going on.
const STOPS_AT_ONCE = 16;
// More pulls at once only share the same line.
const PULLS_AT_ONCE = 3;
const FIRST_RETRY_MS = 1_000;
const LAST_RETRY_MS = 60_000;

// They wait for what runs in a container, and cost the engine next to nothing.
const WAITING: ReadonlySet<StepOp> = new Set(["stop-container", "restart-container", "run-hook"]);

type Lane = "work" | "stop" | "pull";
const CAPACITY: Readonly<Record<Lane, number>> = { work: STEPS_AT_ONCE, stop: STOPS_AT_ONCE, pull: PULLS_AT_ONCE };

export interface StepRunnerOptions {
  readonly clock: Clock;
  run(step: Step): Promise<void>;
  /** Nothing but pulls and stops is in flight: time for another look. */
  onDrained(): void;
  /** A step that failed may be tried again now. */
  readonly onRetryDue: () => void;
  onEngineLost(error: EngineError): void;
}

interface TrackedFailure extends FailingStep {
  readonly stackId: string;
  readonly cancel: () => void;
}

/** Runs the steps of the newest plan as their dependencies allow, several at once, never two with one lock. */
export interface StepRunner {
  /** To be asked before a look at the world, and given with the plan that came of it: what ended since then counts as done. */
  mark(): number;
  adopt(plan: Plan, mark: number): void;
  /** Drops the plan; steps in flight end by themselves. */
  drop(): void;
  isBusy(lock: string): boolean;
  inFlight(): readonly Step[];
  /** True when nothing but pulls and stops is in flight. */
  isQuiet(): boolean;
  readonly failing: (stackId: string) => readonly FailingStep[];
  /** What failed of a stack is tried anew, as if for the first time. */
  forgive(stackId: string): void;
  /** Runs an act under a step's lock, after whatever holds it. */
  exclusive<T>(lock: string, act: () => Promise<T>): Promise<T>;
  ended(): Promise<void>;
}

export function createStepRunner(options: StepRunnerOptions): StepRunner {
  const { clock } = options;
  let plan: Plan = { steps: [], problems: [], downtime: [], replacements: [] };
  let finishedCount = 0;
  const finished = new Map<string, number>();
  const running = new Map<string, { step: Step | undefined; lane: Lane; promise: Promise<void> }>();
  const failing = new Map<string, TrackedFailure>();

  const canRun = (step: Step, inPlan: ReadonlySet<string>): boolean =>
    step.op !== "wait" &&
    !finished.has(step.id) &&
    !running.has(step.lock) &&
    (failing.get(step.id)?.nextTryAt ?? 0) <= clock.now() &&
    step.dependsOn.every((id) => finished.has(id) && inPlan.has(id));

  const pump = (): void => {
    const inPlan = new Set(plan.steps.map((step) => step.id));
    for (const step of plan.steps) {
      const lane = laneOf(step);
      if (
        !canRun(step, inPlan) ||
        [...running.values()].filter((entry) => entry.lane === lane).length >= CAPACITY[lane]
      )
        continue;
      running.set(step.lock, { step, lane, promise: runOne(step) });
    }
  };

  const runOne = async (step: Step): Promise<void> => {
    try {
      await options.run(step);
      finished.set(step.id, ++finishedCount);
      failing.get(step.id)?.cancel();
      failing.delete(step.id);
    } catch (error) {
      if (error instanceof EngineError && error.unreachable) options.onEngineLost(error);
      else noteFailure(step, reasonOf(error), error instanceof EngineError && error.final);
    } finally {
      running.delete(step.lock);
      pump();
      drained();
    }
  };

  // A pull or a graceful stop may take minutes, and what others have done meanwhile is to be seen before that.
  const isQuiet = (): boolean => ![...running.values()].some(({ lane }) => lane === "work");
  const drained = (): void => {
    if (isQuiet()) options.onDrained();
  };

  const noteFailure = (step: Step, reason: string, final: boolean): void => {
    const before = failing.get(step.id);
    before?.cancel();
    const attempts = (before?.attempts ?? 0) + 1;
    const delay = Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** (attempts - 1));
    failing.set(step.id, {
      stackId: step.stackId,
      stepId: step.id,
      op: step.op,
      ...(step.service === undefined ? {} : { service: step.service }),
      reason,
      since: before?.since ?? clock.now(),
      attempts,
      nextTryAt: clock.now() + delay,
      ...(final ? { final } : {}),
      cancel: clock.after(delay, options.onRetryDue),
    });
  };

  return {
    mark: () => finishedCount,
    adopt(next, mark) {
      plan = next;
      for (const [id, at] of finished) if (at <= mark) finished.delete(id);
      const wanted = new Set(plan.steps.map((step) => step.id));
      for (const [id, entry] of failing)
        if (!wanted.has(id)) {
          entry.cancel();
          failing.delete(id);
        }
      pump();
    },
    drop() {
      plan = { steps: [], problems: [], downtime: [], replacements: [] };
      for (const entry of failing.values()) entry.cancel();
      failing.clear();
    },
    isBusy: (lock) => running.has(lock),
    inFlight: () => [...running.values()].flatMap(({ step }) => step ?? []),
    isQuiet,
    failing: (stackId) => [...failing.values()].filter((entry) => entry.stackId === stackId).map(publicFailure),
    forgive(stackId) {
      for (const [id, entry] of failing)
        if (entry.stackId === stackId) {
          entry.cancel();
          failing.delete(id);
        }
    },
    async exclusive(lock, act) {
      while (running.has(lock)) await running.get(lock)?.promise;
      const result = act();
      running.set(lock, { step: undefined, lane: "stop", promise: result.then(ignore, ignore) });
      try {
        return await result;
      } finally {
        running.delete(lock);
        pump();
        drained();
      }
    },
    async ended() {
      while (running.size > 0) await Promise.all([...running.values()].map(({ promise }) => promise));
    },
  };
}

function laneOf(step: Step): Lane {
  if (step.op === "pull-image" || step.op === "load-image") return "pull";
  return WAITING.has(step.op) ? "stop" : "work";
}

function publicFailure({ cancel: _cancel, stackId: _stackId, ...entry }: TrackedFailure): FailingStep {
  return entry;
}

function ignore(): void {
  // The outcome belongs to whoever asked for the act.
}
