import {
  applyPins,
  formatPlan,
  indexWorld,
  newPins,
  planStacks,
  type DesiredStack,
  type DesiredWorld,
  type ObservedContainer,
  type ObservedWorld,
  type Plan,
  type PlanInput,
} from "@windflow/core";
import { reasonOf } from "../platform/log.ts";
import { createApplier } from "./applier.ts";
import { EngineError, type EngineEvent } from "./engine.ts";
import { createEngineWatch } from "./engine-watch.ts";
import { SOON_MS, urgencyOf } from "./event-wake.ts";
import { createDriftKeeper } from "./drift-keeper.ts";
import { createHandChanges } from "./hand-changes.ts";
import { createHealer } from "./healer.ts";
import { createKeeper } from "./keeper.ts";
import { createObserver } from "./observe.ts";
import { createOperatorHooks } from "./hooks.ts";
import { holdOf, type Place } from "./operator.ts";
import type {
  ObservationReport,
  OwnEvent,
  PlanAnswer,
  Reconciler,
  ReconcilerOptions,
  StackSettlement,
} from "./options.ts";
import { createProgress } from "./progress.ts";
import { reportOf } from "./report.ts";
import { createSingleFlight } from "./single-flight.ts";
import { createStepRunner } from "./step-runner.ts";

// The net under the events: whatever was missed is seen this late at worst.
const NET_MS = 30_000;
// Lists do not show everything that hands can change; each inspect costs the engine about a millisecond.
const FULL_LOOK_MS = 300_000;
// Under the rest that is held for equal to another: what a pass may have missed of what time alone changes.
const LONGEST_REST_MS = 1_800_000;
const NO_PLAN: Plan = { steps: [], problems: [], downtime: [], replacements: [] };

/** A pass after which nothing was left to do. One that would be made of the same comes to the same, and is not made. */
interface Rest {
  readonly since: number;
  readonly basis: readonly unknown[];
  readonly world: ObservedWorld;
  readonly report: ObservationReport;
}

/** Brings an engine to what is desired and keeps it there: observe, plan, apply what can be done, observe again. */
export function createReconciler(options: ReconcilerOptions): Reconciler {
  const { engine, clock, log } = options;
  const observer = createObserver(engine, clock);
  const keeper = createKeeper(options.memory, options.bootId);
  const tell = (event: OwnEvent): void => options.onOwnEvent?.(event);
  const healer = createHealer({ keeper, tell });
  const drifts = createDriftKeeper({ keeper, tell });
  const hands = createHandChanges(keeper);
  const recall = (container: ObservedContainer): Partial<ObservedContainer> => ({
    ...keeper.recall(container),
    ...healer.recall(container),
  });
  const progress = createProgress(options);
  let fullLookAt = clock.now() + FULL_LOOK_MS;
  const aborter = new AbortController();
  let connected = false;
  let everConnected = false;
  let world: ObservedWorld | undefined;
  let plan = NO_PLAN;
  let attempts: ReadonlyMap<string, string> = new Map();
  let engineError: string | undefined = "it was not asked yet";
  let settlements: readonly StackSettlement[] = [];
  /** What was asked of the loop, but for the net's looks. */
  let requests = 0;
  let rest: Rest | undefined;
  let cancelNet: (() => void) | undefined;
  let cancelRecheck: (() => void) | undefined;

  const desiredNow = (): DesiredWorld | undefined => {
    const desired = options.desired();
    return desired && keeper.pinned(desired);
  };
  const run = createApplier({
    reconciler: options,
    keeper,
    progress,
    signal: aborter.signal,
    desired: desiredNow,
  });
  const hooks = createOperatorHooks({ ...options, keeper, signal: aborter.signal });
  const runner = createStepRunner({
    clock,
    run,
    onDrained: () => request(),
    onRetryDue: () => request(),
    onEngineLost: () => watch.reconnect(),
  });

  const request = (delayMs?: number): void => {
    requests += 1;
    loop.request(delayMs);
  };
  const complete = async (seen: ObservedWorld, desired: DesiredWorld | undefined): Promise<ObservedWorld> => {
    const attached = (await options.created?.attach(seen, desired)) ?? seen;
    return desired === undefined ? attached : hands.attach(attached, desired);
  };
  const pass = async (): Promise<void> => {
    if (!connected) return void publish();
    try {
      const mark = runner.mark();
      const desired = options.desired();
      const begun = requests;
      const { remembered } = keeper;
      const isFull = clock.now() >= fullLookAt;
      if (isFull) {
        observer.doubt();
        fullLookAt = clock.now() + FULL_LOOK_MS;
      }
      const look = await observer.look(recall);
      const basis = [...look.marks, desired, begun, remembered, refusalText(desired)];
      if (rest !== undefined && isSame(rest.basis, basis) && Math.abs(clock.now() - rest.since) < LONGEST_REST_MS) {
        world = { ...rest.world, observedAt: look.world.observedAt };
        tellObserved(rest.report);
        if (isFull && (await observer.refreshDetails(ownOf(world, desired)))) request();
        return;
      }
      rest = undefined;
      world = await complete(look.world, desired);
      engineError = undefined;
      // What came meanwhile may have adopted containers that were looked at as strangers: nothing is decided on that.
      if (options.desired()?.generation !== desired?.generation) return request();
      world = decide(mark, world);
      const report = publish();
      if (!runner.isQuiet()) return;
      // Details only explain states and order restarts, so they never delay a step.
      if (await observer.refreshDetails(ownOf(world, options.desired()))) return request();
      if (isAtRest(plan, report)) rest = { since: clock.now(), basis, world, report };
    } catch (error) {
      rest = undefined;
      noteFailedPass(error);
    }
  };
  const refusalText = (desired: DesiredWorld | undefined): string =>
    desired === undefined ? "" : JSON.stringify(refusalsOf(options, desired));
  const noteFailedPass = (error: unknown): void => {
    const reason = reasonOf(error);
    log("warn", "observation failed", { area: "reconcile", reason });
    // The engine is only said to be away when it is: all its containers are shown as unknown then.
    if (!(error instanceof EngineError)) return;
    engineError = reason;
    if (error.unreachable) watch.reconnect();
    publish();
  };
  const decide = (mark: number, seen: ObservedWorld): ObservedWorld => {
    const desired = options.desired();
    if (!desired) {
      runner.drop();
      return seen;
    }
    const now = clock.now();
    keeper.learn(seen, desired, ownOf(seen, desired), options.kept?.() ?? []);
    forgiveNewAttempts(desired);
    const observed = healer.attach(seen, desired, now);
    const pinned = keeper.pinned(desired);
    plan = drifts.sort(planStacks(planInput(observed, pinned)), observed, pinned, now);
    keeper.notePlan(plan, ownOf(observed, desired), now);
    runner.adopt(plan, mark);
    cancelRecheck?.();
    const at = Math.min(plan.recheckAt ?? Infinity, healer.nextAt() ?? Infinity);
    cancelRecheck = at === Infinity ? undefined : clock.after(Math.max(0, at - now), () => request());
    return observed;
  };
  // Whoever deploys again waits for no delay that an earlier attempt has earned, and is not judged by its failures.
  const forgiveNewAttempts = (desired: DesiredWorld): void => {
    const wanted = new Map(desired.stacks.map((stack) => [stack.stackId, `${stack.revision} ${stack.attempt ?? ""}`]));
    for (const [stackId, attempt] of wanted) if (attempts.get(stackId) !== attempt) runner.forgive(stackId);
    attempts = wanted;
  };
  const planInput = (observed: ObservedWorld, desired: DesiredWorld): PlanInput => ({
    observed,
    desired,
    holds: keeper.holds,
    replacements: keeper.replacements,
    made: keeper.made(clock.now()),
    refusals: refusalsOf(options, desired),
  });
  const publish = (): ObservationReport => {
    const report = reportOf({
      world,
      desired: desiredNow(),
      plan,
      holds: keeper.holds,
      inFlight: runner.inFlight(),
      pulls: progress.pulls,
      failing: runner.failing,
      engineError,
      now: clock.now(),
      drift: (stackId) => drifts.of(stackId),
      restarts: (stack, own) => hands.restarts(stack, own),
    });
    settlements = report.settlements;
    const desired = options.desired();
    if (desired && engineError === undefined) drifts.settle(settlements, plan, desired);
    tellObserved(report);
    return report;
  };
  const tellObserved = (report: ObservationReport): void => {
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
    // A container that is replaced has its old id in front of its name for a moment.
    const lock = `container ${event.name.replace(/^[0-9a-f]{12}_/, "")}`;
    const isOwn = event.type === "container" && runner.isBusy(lock);
    const urgency = urgencyOf(event, isOwn, !runner.isQuiet());
    if (urgency !== "never") request(urgency === "soon" ? SOON_MS : 0);
  };
  const watch = createEngineWatch({
    engine,
    clock,
    log,
    onEvent,
    onConnected() {
      connected = true;
      everConnected = true;
      observer.forget();
      request();
    },
    onLost(reason) {
      // Also before the first contact: an engine that is away when the agent starts went down with what ran on it.
      if (connected || !everConnected) keeper.noteEngineLost(clock.now());
      connected = false;
      engineError = reason;
      request();
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
    perform: (place: Place | undefined) => Promise<void>,
  ): Promise<void> => {
    const place = holdOf(world, options.desired(), containerId);
    if (place) keeper[remember](place.hold, place.container.id, clock.now());
    if (place && remember === "release") healer.forget(place.hold);
    try {
      await (place ? runner.exclusive(place.lock, () => perform(place)) : perform(undefined));
    } finally {
      request();
    }
  };

  return {
    start() {
      watch.start();
      castNet();
    },
    async stop() {
      cancelNet?.();
      cancelRecheck?.();
      runner.drop();
      aborter.abort();
      await watch.stop();
      await loop.stop();
      await runner.ended();
    },
    wake(reason) {
      log("debug", "reconciler woken", { area: "reconcile", reason });
      request();
    },
    async planFor(wanted): Promise<PlanAnswer> {
      const asked = worldWith(wanted, options.desired());
      const observed = await observer
        .look(recall)
        .then((look) => complete(look.world, asked))
        .catch((error: unknown) => {
          if (world) return world;
          throw error;
        });
      const pinned = keeper.pinned(asked);
      const desired = applyPins(pinned, newPins(observed, pinned));
      const shown = planOnly(
        planStacks(planInput(observed, desired)),
        "stackId" in wanted ? wanted.stackId : undefined,
      );
      return { ...shown, text: formatPlan(shown), observedAt: observed.observedAt };
    },
    observed: () => world,
    settled: (stackId) => settlements.find((settlement) => settlement.stackId === stackId),
    stopContainer: (containerId) =>
      act(containerId, "hold", async (place) => {
        await hooks.beforeStop(place);
        await engine.stopContainer(containerId);
      }),
    startContainer: (containerId) =>
      act(containerId, "release", async (place) => {
        hooks.beforeStart(place);
        await engine.startContainer(containerId);
      }),
    restartContainer: (containerId) =>
      act(containerId, "release", async (place) => {
        await hooks.beforeStop(place);
        hooks.beforeStart(place);
        await engine.restartContainer(containerId);
      }),
  };
}

/** Time alone changes nothing of it, or what time changes is asked for when it is due. */
function isAtRest(plan: Plan, report: ObservationReport): boolean {
  const isRefused = plan.problems.some(({ severity }) => severity === "error");
  return plan.steps.length + plan.replacements.length === 0 && !isRefused && report.engineError === undefined;
}

function isSame(before: readonly unknown[], now: readonly unknown[]): boolean {
  return before.length === now.length && before.every((one, i) => one === now[i]);
}

function ownOf(observed: ObservedWorld, desired: DesiredWorld | undefined): ObservedContainer[] {
  return desired ? [...indexWorld(observed, desired).containersByStack.values()].flat() : [];
}

function refusalsOf(options: ReconcilerOptions, desired: DesiredWorld): Record<string, string> {
  const refusals = desired.stacks.map((stack) => [stack.stackId, options.allowPrivileged?.(stack)] as const);
  return Object.fromEntries(
    refusals.flatMap(([stackId, refusal]) => (refusal === undefined ? [] : [[stackId, refusal]])),
  );
}

function worldWith(wanted: DesiredWorld | DesiredStack, current: DesiredWorld | undefined): DesiredWorld {
  if ("stacks" in wanted) return wanted;
  if (!current) throw new Error("this host does not know its desired state yet: try again in a moment");
  const others = current.stacks.filter((stack) => stack.stackId !== wanted.stackId);
  return { ...current, stacks: [...others, wanted] };
}

function planOnly(plan: Plan, stackId: string | undefined): Plan {
  const mine = <T extends { readonly stackId: string }>(entries: readonly T[]): T[] =>
    entries.filter((entry) => stackId === undefined || entry.stackId === stackId);
  return {
    steps: mine(plan.steps),
    problems: mine(plan.problems),
    downtime: mine(plan.downtime),
    replacements: mine(plan.replacements),
  };
}
