import {
  indexWorld,
  ownContainers,
  serviceOf,
  type DesiredStack,
  type DesiredWorld,
  type GateProbe,
  type ObservedContainer,
} from "@windflow/core";
import { type Clock, pause } from "../platform/clock.ts";
import { type Log, reasonOf } from "../platform/log.ts";
import type { ReconcileEngine } from "../reconcile/engine.ts";
import type { ObservationReport } from "../reconcile/options.ts";
import type { ProbeState } from "../reporting/observed-state.ts";
import { type CheckResult, checkOnce, probeName } from "./check.ts";
import { createSlots } from "./slots.ts";

/** Checks at once on a host: each may wait for its whole time-out. */
const CHECKS_AT_ONCE = 8;

/** Runs what rollouts ask of this host. Nothing runs, and nothing is asked, once an attempt has passed. */
export interface GateProbes {
  /** To be told of every look of the loop. */
  follow(report: ObservationReport, desired: DesiredWorld | undefined): void;
  of(stackId: string): readonly ProbeState[];
  stop(): void;
}

interface Attempt {
  readonly key: string;
  readonly states: ProbeState[];
  /** Ends the rounds; undefined while none run. */
  rounds: AbortController | undefined;
  /** Every probe has passed while the stack was as it should be. */
  passed: boolean;
}

export interface GateProbesParts {
  readonly engine: Pick<ReconcileEngine, "runHook">;
  readonly clock: Clock;
  readonly log: Log;
  onChanged(): void;
}

export function createGateProbes(parts: GateProbesParts): GateProbes {
  const { clock } = parts;
  const attempts = new Map<string, Attempt>();
  const slots = createSlots(CHECKS_AT_ONCE);
  let containersOf: (stackId: string) => readonly ObservedContainer[] = () => [];
  let peers: readonly ObservedContainer[] = [];

  // A command that hangs cannot be ended from outside of its container, so no second one is begun beside it.
  const hanging = new Set<string>();
  const engineFor = (probe: GateProbe, rounds: AbortSignal): Pick<ReconcileEngine, "runHook"> => ({
    runHook: async (containerId, request) => {
      const key = JSON.stringify([containerId, probe.check]);
      if (hanging.has(key)) throw new Error("no answer in time, and the command still runs");
      hanging.add(key);
      const asked = parts.engine.runHook(containerId, { ...request, signal: rounds });
      const forget = (): void => void hanging.delete(key);
      asked.then(forget, forget);
      return unlessAborted(asked, request.signal);
    },
  });
  const check = async (stackId: string, probe: GateProbe, rounds: AbortSignal): Promise<CheckResult> => {
    const running = containersOf(stackId).filter(
      (container) => serviceOf(container) === probe.service && container.state === "running",
    );
    if (running.length === 0) return { passed: false, cause: `no container of ${probe.service} runs` };
    const results = await Promise.all(
      running.map((container) =>
        slots.run(async () => {
          const signal = AbortSignal.any([rounds, AbortSignal.timeout(probe.timeoutMs)]);
          const result = await checkOnce(probe, container, peers, engineFor(probe, rounds), signal);
          return running.length === 1 ? result : { ...result, cause: `${container.name}: ${result.cause}` };
        }),
      ),
    );
    return results.find(({ passed }) => !passed) ?? results[0] ?? { passed: false, cause: "" };
  };
  const runRounds = async (stackId: string, attempt: Attempt, probe: GateProbe, place: number): Promise<void> => {
    const rounds = attempt.rounds?.signal;
    while (rounds && !rounds.aborted) {
      const { passed, cause } = await check(stackId, probe, rounds);
      if (rounds.aborted) return;
      const before = attempt.states[place];
      const successes = passed ? Math.min(probe.successes, (before?.successes ?? 0) + 1) : 0;
      const isEnough = successes >= probe.successes;
      // One that has passed stands as it passed, so that the state does not change with every round.
      attempt.states[place] = { ...stateOf(probe), passed: isEnough, cause, at: clock.now(), successes };
      if (attempt.states.every((state) => state.passed)) finish(attempt);
      parts.onChanged();
      if (isEnough) return;
      await pause(clock, probe.intervalMs, rounds);
    }
  };
  const finish = (attempt: Attempt): void => {
    attempt.passed = true;
    attempt.rounds?.abort();
    attempt.rounds = undefined;
  };
  const begin = (stack: DesiredStack, attempt: Attempt): void => {
    attempt.rounds = new AbortController();
    for (const [place, probe] of (stack.probes ?? []).entries()) {
      attempt.states[place] = stateOf(probe);
      runRounds(stack.stackId, attempt, probe, place).catch((error: unknown) =>
        parts.log("error", "a probe could not be run", { stackId: stack.stackId, reason: reasonOf(error) }),
      );
    }
  };
  const pauseRounds = (attempt: Attempt): void => {
    attempt.rounds?.abort();
    attempt.rounds = undefined;
  };

  return {
    follow(report, desired) {
      const stacks = (desired?.stacks ?? []).filter(({ probes = [] }) => probes.length > 0);
      const index = report.world && desired ? indexWorld(report.world, desired) : undefined;
      containersOf = (stackId) => (index ? ownContainers(index, { stackId }) : []);
      peers = report.world?.containers ?? [];
      const wanted = new Set(stacks.map(({ stackId }) => stackId));
      for (const [stackId, attempt] of attempts)
        if (!wanted.has(stackId)) {
          pauseRounds(attempt);
          attempts.delete(stackId);
        }
      for (const stack of stacks) {
        const attempt = attemptOf(attempts, stack, pauseRounds);
        if (attempt.passed) continue;
        const settlement = report.settlements.find(({ stackId }) => stackId === stack.stackId);
        // Before that the containers of the revision before may answer.
        const isReady = settlement?.converged === true && settlement.failedAttempt === undefined;
        if (isReady && attempt.rounds === undefined) begin(stack, attempt);
        if (!isReady && attempt.rounds !== undefined) pauseRounds(attempt);
      }
    },
    of: (stackId) => attempts.get(stackId)?.states ?? [],
    stop() {
      for (const attempt of attempts.values()) pauseRounds(attempt);
      attempts.clear();
    },
  };
}

function attemptOf(attempts: Map<string, Attempt>, stack: DesiredStack, end: (attempt: Attempt) => void): Attempt {
  const key = JSON.stringify([stack.revision, stack.attempt ?? "", stack.probes]);
  const known = attempts.get(stack.stackId);
  if (known?.key === key) return known;
  if (known) end(known);
  const states = (stack.probes ?? []).map(stateOf);
  const fresh: Attempt = { key, states, rounds: undefined, passed: false };
  attempts.set(stack.stackId, fresh);
  return fresh;
}

function stateOf(probe: GateProbe): ProbeState {
  const { service } = probe;
  return { name: probeName(probe), service, passed: false, cause: "not asked yet", at: 0, successes: 0 };
}

function unlessAborted<T>(asked: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    signal.addEventListener("abort", () => reject(new Error("it was given up")), { once: true });
    asked.then(resolve, reject);
  });
}
