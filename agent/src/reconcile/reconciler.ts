import {
  formatPlan,
  describeStep,
  indexWorld,
  pinOf,
  planStacks,
  type DesiredStack,
  type DesiredWorld,
  type ObservedContainer,
  type ObservedWorld,
  type Plan,
  type PlanInput,
  type Step,
} from "@windflow/core";
import { reasonOf } from "../platform/log.ts";
import { applyStep, type ApplyContext } from "./apply.ts";
import type { EngineEvent, PullProgress } from "./engine.ts";
import { EngineError } from "./engine.ts";
import { createEngineWatch } from "./engine-watch.ts";
import { SOON_MS, urgencyOf } from "./event-wake.ts";
import { createKeeper } from "./keeper.ts";
import { createObserver } from "./observe.ts";
import { holdOf } from "./operator.ts";
import type { ObservationReport, PlanAnswer, Reconciler, ReconcilerOptions, StackSettlement } from "./options.ts";
import { reportOf } from "./report.ts";
import { createSingleFlight } from "./single-flight.ts";
import { createStepRunner } from "./step-runner.ts";

// The net under the events: whatever was missed is seen this late at worst.
const NET_MS = 30_000;
// Engines tell of a pull many times a second; people read slower.
const PULL_REPORT_MS = 200;
const NO_PLAN: Plan = { steps: [], problems: [], downtime: [] };

/** Brings an engine to what is desired and keeps it there: observe, plan, apply what can be done, observe again. */
export function createReconciler(options: ReconcilerOptions): Reconciler {
  const { engine, clock, log } = options;
  const observer = createObserver(engine, clock);
  const keeper = createKeeper(options.memory, options.bootId);
  const aborter = new AbortController();
  const pulls = new Map<string, PullProgress>();
  const pulled = new Map<string, string>();
  const pullReportedAt = new Map<string, number>();
  let world: ObservedWorld | undefined;
  let plan = NO_PLAN;
  let engineError: string | undefined = "it was not asked yet";
  let settlements: readonly StackSettlement[] = [];
  let cancelNet: (() => void) | undefined;

  const stackOf = (step: Step): DesiredStack => {
    const stack = currentDesired()?.stacks.find(({ stackId }) => stackId === step.stackId);
    if (!stack) throw new Error("the stack is no longer wanted on this host");
    return stack;
  };
  const currentDesired = (): DesiredWorld | undefined => {
    const desired = options.desired();
    return desired && keeper.pinned(desired);
  };
  const refusalsOf = (desired: DesiredWorld): Record<string, string> =>
    Object.fromEntries(
      desired.stacks.flatMap((stack) => {
        const refusal = options.allowPrivileged?.(stack);
        return refusal === undefined ? [] : [[stack.stackId, refusal] as const];
      }),
    );
  const planInput = (observed: ObservedWorld, desired: DesiredWorld): PlanInput => ({
    observed,
    desired,
    holds: keeper.holds,
    refusals: refusalsOf(desired),
  });

  const tell = (step: Step, phase: "started" | "progress" | "done" | "failed", error?: string): void => {
    const revision = options.desired()?.stacks.find(({ stackId }) => stackId === step.stackId)?.revision ?? 0;
    const progress = pulls.get(step.id);
    options.onProgress({
      at: clock.now(),
      stackId: step.stackId,
      revision,
      ...(step.service === undefined ? {} : { service: step.service }),
      stepId: step.id,
      op: step.op,
      phase,
      text: describeStep(step),
      ...(error === undefined ? {} : { error }),
      ...(progress && step.op === "pull-image" ? { pull: { ...progress, reference: step.reference } } : {}),
    });
  };

  const context: ApplyContext = {
    engine,
    signal: aborter.signal,
    stackOf,
    secrets: options.secrets,
    files: options.files,
    registryAuth: async (reference) => options.registryAuth?.(reference),
    onPull(step, progress) {
      pulls.set(step.id, progress);
      if (clock.now() - (pullReportedAt.get(step.id) ?? 0) < PULL_REPORT_MS) return;
      pullReportedAt.set(step.id, clock.now());
      tell(step, "progress");
    },
    onPulled(step, image) {
      pulled.set(`${step.stackId} ${step.reference}`, image.id);
      const stack = stackOf(step);
      if (options.desired()?.stacks.find(({ stackId }) => stackId === step.stackId)?.images[step.reference]) return;
      keeper.pin(pinOf(stack, step.reference, image));
    },
    pulledImage: (stackId, reference) => pulled.get(`${stackId} ${reference}`),
    created: new Map(),
  };

  const run = async (step: Step): Promise<void> => {
    tell(step, "started");
    try {
      await applyStep(step, context);
      tell(step, "done");
    } catch (error) {
      log("warn", "step failed", { area: "reconcile", stackId: step.stackId, step: step.id, reason: reasonOf(error) });
      tell(step, "failed", reasonOf(error));
      throw error;
    } finally {
      pulls.delete(step.id);
      pullReportedAt.delete(step.id);
    }
  };

  const runner = createStepRunner({
    clock,
    run,
    onDrained: () => loop.request(),
    onRetryDue: () => loop.request(),
    onEngineLost: () => watch.reconnect(),
  });

  const ownOf = (observed: ObservedWorld, desired: DesiredWorld | undefined): ObservedContainer[] =>
    desired ? [...indexWorld(observed, desired).containersByStack.values()].flat() : [];

  const pass = async (): Promise<void> => {
    if (engineError !== undefined && !connected) return publish();
    try {
      const mark = runner.mark();
      world = await observer.look(keeper.wasInterrupted);
      engineError = undefined;
      decide(mark, world);
      publish();
      // Details only explain states and order restarts, so they never delay a step.
      if (runner.isQuiet() && (await observer.refreshDetails(ownOf(world, options.desired())))) loop.request();
    } catch (error) {
      const reason = reasonOf(error);
      log("warn", "observation failed", { area: "reconcile", reason });
      if (!(error instanceof EngineError) || error.unreachable) watch.reconnect();
      engineError = reason;
      publish();
    }
  };
  const decide = (mark: number, observed: ObservedWorld): void => {
    const desired = options.desired();
    if (!desired) return runner.drop();
    keeper.learn(observed, desired, ownOf(observed, desired));
    plan = planStacks(planInput(observed, keeper.pinned(desired)));
    runner.adopt(plan, mark);
  };
  const publish = (): void => {
    const report: ObservationReport = reportOf({
      world,
      desired: currentDesired(),
      plan,
      holds: keeper.holds,
      inFlight: runner.inFlight(),
      pulls,
      failing: runner.failing,
      engineError,
      now: clock.now(),
    });
    settlements = report.settlements;
    try {
      options.onObserved(report);
    } catch (error) {
      // Whoever listens must not be able to stop the host from keeping its word.
      log("error", "report of an observation failed", { area: "reconcile", reason: reasonOf(error) });
    }
  };
  const loop = createSingleFlight(pass, clock);

  const onEvent = (event: EngineEvent): void => {
    options.onEngineEvent?.(event);
    observer.note(event);
    if (event.type === "container" && event.action === "die") keeper.noteDeath(event.id, clock.now());
    const lock = `container ${event.name.replace(/^[0-9a-f]{12}_/, "")}`;
    const working = runner.inFlight().some((step) => step.op !== "pull-image" && step.op !== "stop-container");
    const urgency = urgencyOf(event, event.type === "container" && runner.isBusy(lock), working);
    if (urgency !== "never") loop.request(urgency === "soon" ? SOON_MS : 0);
  };
  let connected = false;
  const watch = createEngineWatch({
    engine,
    clock,
    log,
    onEvent,
    onConnected() {
      connected = true;
      observer.forget();
      loop.request();
    },
    onLost(reason) {
      if (connected) keeper.noteEngineLost(clock.now());
      connected = false;
      engineError = reason;
      loop.request();
    },
  });

  const castNet = (): void => {
    cancelNet = clock.after(NET_MS, () => {
      loop.request();
      castNet();
    });
  };

  const act = async (
    containerId: string,
    remember: "hold" | "release",
    perform: () => Promise<void>,
  ): Promise<void> => {
    const place = holdOf(world, options.desired(), containerId);
    if (place) keeper[remember](place.hold);
    try {
      await (place ? runner.exclusive(place.lock, perform) : perform());
    } finally {
      loop.request();
    }
  };

  return {
    start() {
      watch.start();
      castNet();
    },
    async stop() {
      cancelNet?.();
      runner.drop();
      aborter.abort();
      await watch.stop();
      await loop.stop();
      await runner.ended();
    },
    wake(reason) {
      log("debug", "reconciler woken", { area: "reconcile", reason });
      loop.request();
    },
    async planFor(wanted): Promise<PlanAnswer> {
      const observed = await observer.look(keeper.wasInterrupted).catch((error: unknown) => {
        if (world) return world;
        throw error;
      });
      const desired = keeper.pinned(worldWith(wanted, options.desired()));
      const answer = planStacks(planInput(observed, desired));
      const only = "stackId" in wanted ? wanted.stackId : undefined;
      const mine = <T extends { stackId: string }>(entries: readonly T[]): T[] =>
        entries.filter((entry) => only === undefined || entry.stackId === only);
      const shown = { steps: mine(answer.steps), problems: mine(answer.problems), downtime: mine(answer.downtime) };
      return { ...shown, text: formatPlan(shown), observedAt: observed.observedAt };
    },
    observed: () => world,
    settled: (stackId) => settlements.find((settlement) => settlement.stackId === stackId),
    stopContainer: (containerId) => act(containerId, "hold", () => engine.stopContainer(containerId)),
    startContainer: (containerId) => act(containerId, "release", () => engine.startContainer(containerId)),
    restartContainer: (containerId) => act(containerId, "release", () => engine.restartContainer(containerId)),
  };
}

function worldWith(wanted: DesiredWorld | DesiredStack, current: DesiredWorld | undefined): DesiredWorld {
  if ("stacks" in wanted) return wanted;
  if (!current) throw new Error("this host does not know its desired state yet: try again in a moment");
  const others = current.stacks.filter((stack) => stack.stackId !== wanted.stackId);
  return { ...current, stacks: [...others, wanted] };
}
