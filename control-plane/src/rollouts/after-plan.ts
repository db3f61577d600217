import { isEnded, isHostEnded, type Generation, type WaveStanding } from "./model.ts";
import type { RolloutPlan, RolloutStep } from "./plan-steps.ts";
import type { StoredRollout } from "./store.ts";
import type { StoredRolloutHost } from "./store-hosts.ts";

/** A rollout with its hosts, as a transaction sees them. */
export interface Standing {
  readonly rollout: StoredRollout;
  readonly hosts: readonly StoredRolloutHost[];
}

export type HostStep = Extract<RolloutStep, { op: "begin-host" | "set-host" | "roll-back-host" }>;
type RolloutOwnStep = Exclude<RolloutStep, HostStep | { op: "restore-host" }>;

/** The last step about each host; `restore-host` says nothing of where it stands. */
export function hostStepsOf({ steps }: RolloutPlan): Map<string, HostStep> {
  return new Map(
    steps.flatMap((step) => ("hostId" in step && step.op !== "restore-host" ? [[step.hostId, step]] : [])),
  );
}

/**
 * How things stand once a plan was done. Pure: what hosts must run was changed before.
 * @param generations the desired states that carry what the plan began, by host
 */
export function standingAfter(
  { rollout, hosts }: Standing,
  plan: RolloutPlan,
  generations: ReadonlyMap<string, Generation>,
  now: Date,
): Standing {
  const steps = hostStepsOf(plan);
  const own = plan.steps.filter((step): step is RolloutOwnStep => !("hostId" in step));
  return {
    rollout: own.reduce((before, step) => rolloutAfter(before, step, now), rollout),
    hosts: hosts.map((host) => {
      const step = steps.get(host.hostId);
      return step === undefined ? host : hostAfter(host, step, generations.get(host.hostId), now);
    }),
  };
}

function hostAfter(
  before: StoredRolloutHost,
  step: HostStep,
  generation: Generation | undefined,
  now: Date,
): StoredRolloutHost {
  const { endedAt: _ended, deadlineAt: oldDeadline, windowOpensAt: _opens, ...host } = before;
  if (step.op === "set-host") {
    const deadlineAt = step.deadlineAt === "none" ? undefined : (step.deadlineAt ?? oldDeadline);
    return {
      ...host,
      state: step.state,
      cause: step.cause,
      ...(deadlineAt === undefined ? {} : { deadlineAt }),
      ...(step.windowOpensAt === undefined ? {} : { windowOpensAt: step.windowOpensAt }),
      ...(isHostEnded(step.state) ? { endedAt: now } : {}),
    };
  }
  if (generation === undefined) throw new Error(`the desired state of ${step.target} was not written`);
  const state = step.op === "begin-host" ? "applying" : "rolling-back";
  const { cause, deadlineAt } = step;
  return { ...host, state, cause, generation, deadlineAt, touched: true, startedAt: host.startedAt ?? now };
}

function rolloutAfter(rollout: StoredRollout, step: RolloutOwnStep, now: Date): StoredRollout {
  const at = now.getTime();
  switch (step.op) {
    case "ask-approval":
      return withWave(rollout, step.wave, { askedAt: at });
    case "begin-wave":
      return withWave(rollout, step.wave, { startedAt: at });
    case "pass-wave":
      return withWave(rollout, step.wave, { passedAt: at });
    case "start-rollback":
      return { ...rollout, rollBackReason: step.cause };
    case "set-rollout": {
      const { waitingFor: _for, waitingUntil: _until, endedAt: _ended, ...rest } = rollout;
      return {
        ...rest,
        state: step.state,
        cause: step.cause,
        ...(step.waitingFor === undefined ? {} : { waitingFor: step.waitingFor }),
        ...(step.waitingUntil === undefined ? {} : { waitingUntil: step.waitingUntil }),
        ...(rollout.startedAt === undefined ? { startedAt: now } : {}),
        ...(isEnded(step.state) ? { endedAt: now } : {}),
      };
    }
  }
}

function withWave(rollout: StoredRollout, number: number, change: Partial<WaveStanding>): StoredRollout {
  return { ...rollout, waves: rollout.waves.map((wave, i) => (i === number - 1 ? { ...wave, ...change } : wave)) };
}
