import {
  type Rollout as RolloutMessage,
  Rollout_Kind,
  Rollout_State,
  Rollout_Wait,
  RolloutHost_State,
  RolloutWave_State,
  type RolloutHost as RolloutHostMessage,
  type RolloutWave as RolloutWaveMessage,
} from "@windflow/proto/api";
import { noCounts, type HostCounts, type RolloutCounts } from "./counts.ts";
import type { RolloutHostState, RolloutState, RolloutWait, WaveStanding } from "./model.ts";
import type { HostWork } from "./ports.ts";
import type { StoredRollout } from "./store.ts";
import type { StoredRolloutHost } from "./store-hosts.ts";
import { strategyMessage } from "./strategy-wire.ts";
import { waveStateOf, type WaveState } from "./wave-state.ts";

const states: Record<RolloutState, Rollout_State> = {
  pending: Rollout_State.STATE_PENDING,
  running: Rollout_State.STATE_RUNNING,
  waiting: Rollout_State.STATE_WAITING,
  paused: Rollout_State.STATE_PAUSED,
  "rolling-back": Rollout_State.STATE_ROLLING_BACK,
  succeeded: Rollout_State.STATE_SUCCEEDED,
  failed: Rollout_State.STATE_FAILED,
  cancelled: Rollout_State.STATE_CANCELLED,
  superseded: Rollout_State.STATE_SUPERSEDED,
  "rolled-back": Rollout_State.STATE_ROLLED_BACK,
};
const waits: Record<RolloutWait, Rollout_Wait> = {
  hosts: Rollout_Wait.WAIT_HOSTS,
  approval: Rollout_Wait.WAIT_APPROVAL,
  window: Rollout_Wait.WAIT_WINDOW,
  pause: Rollout_Wait.WAIT_PAUSE,
};
const waveStates: Record<WaveState, RolloutWave_State> = {
  pending: RolloutWave_State.STATE_PENDING,
  "awaiting-approval": RolloutWave_State.STATE_AWAITING_APPROVAL,
  running: RolloutWave_State.STATE_RUNNING,
  passed: RolloutWave_State.STATE_PASSED,
  failed: RolloutWave_State.STATE_FAILED,
  cancelled: RolloutWave_State.STATE_CANCELLED,
  "rolled-back": RolloutWave_State.STATE_ROLLED_BACK,
};
const hostStates: Record<RolloutHostState, RolloutHost_State> = {
  pending: RolloutHost_State.STATE_PENDING,
  "not-reached": RolloutHost_State.STATE_NOT_REACHED,
  applying: RolloutHost_State.STATE_APPLYING,
  "checking-health": RolloutHost_State.STATE_CHECKING_HEALTH,
  succeeded: RolloutHost_State.STATE_SUCCEEDED,
  failed: RolloutHost_State.STATE_FAILED,
  cancelled: RolloutHost_State.STATE_CANCELLED,
  "rolling-back": RolloutHost_State.STATE_ROLLING_BACK,
  "rolled-back": RolloutHost_State.STATE_ROLLED_BACK,
  "rollback-failed": RolloutHost_State.STATE_ROLLBACK_FAILED,
};

/** Undefined for a state that a host never has. */
export function hostStateOf(state: RolloutHost_State): RolloutHostState | undefined {
  return (Object.keys(hostStates) as RolloutHostState[]).find((name) => hostStates[name] === state);
}

export function rolloutMessage(
  rollout: StoredRollout,
  counts: RolloutCounts,
  hosts: RolloutHostMessage[],
): RolloutMessage {
  return {
    id: rollout.id,
    stackId: rollout.stackId,
    stackName: rollout.stackName,
    revision: rollout.revision,
    state: states[rollout.state],
    kind: rollout.kind === "remove" ? Rollout_Kind.KIND_REMOVE : Rollout_Kind.KIND_DEPLOY,
    cause: rollout.cause,
    createdAt: rollout.createdAt,
    startedAt: rollout.startedAt,
    endedAt: rollout.endedAt,
    createdBy: rollout.createdBy,
    hosts,
    hostsTotal: counts.total,
    hostsSucceeded: counts.succeeded,
    hostsFailed: counts.failed,
    hostsNotReached: counts.notReached,
    waitingFor: rollout.waitingFor === undefined ? Rollout_Wait.WAIT_UNSPECIFIED : waits[rollout.waitingFor],
    waitingUntil: dateOf(rollout.waitingUntil),
    currentWave: rollout.waves.filter((wave) => wave.startedAt !== undefined).length,
    waves: rollout.waves.map((wave, i) => waveMessage(rollout, wave, i, counts.waves[i] ?? noCounts)),
    strategy: strategyMessage(rollout.strategy),
    origin: rollout.origin,
    hostsRolledBack: counts.rolledBack,
    reason: rollout.reason,
    hostsPending: counts.pending,
    hostsUnderWay: counts.underWay,
  };
}

function waveMessage(
  rollout: StoredRollout,
  wave: WaveStanding,
  index: number,
  counts: HostCounts,
): RolloutWaveMessage {
  return {
    number: index + 1,
    name: wave.name,
    state: waveStates[waveStateOf(rollout, index, () => counts.failed > 0)],
    hostsTotal: counts.total,
    hostsSucceeded: counts.succeeded,
    hostsFailed: counts.failed,
    hostsNotReached: counts.notReached,
    needsApproval: wave.needsApproval,
    approvedBy: wave.approvedBy ?? "",
    approvedAt: dateOf(wave.approvedAt),
    startedAt: dateOf(wave.startedAt),
    passedAt: dateOf(wave.passedAt),
    pauseSeconds: wave.pauseMs / 1000,
  };
}

export function hostMessage(host: StoredRolloutHost, work: HostWork | undefined): RolloutHostMessage {
  return {
    hostId: host.hostId,
    hostName: host.hostName,
    state: hostStates[host.state],
    cause: host.cause,
    previousRevision: host.previousRevision,
    startedAt: host.startedAt,
    endedAt: host.endedAt,
    services: work?.services ?? [],
    currentStep: work?.currentStep ?? "",
    wave: host.wave,
    probes: work?.probes ?? [],
    windowOpensAt: dateOf(host.windowOpensAt),
    leaving: host.action === "remove",
  };
}

function dateOf(ms: number | undefined): Date | undefined {
  return ms === undefined ? undefined : new Date(ms);
}
