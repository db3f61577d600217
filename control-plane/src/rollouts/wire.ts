import {
  type Rollout as RolloutMessage,
  Rollout_Kind,
  Rollout_State,
  Rollout_Wait,
  RolloutHost_State,
  type RolloutHost as RolloutHostMessage,
} from "@windflow/proto/api";
import type { RolloutHostState, RolloutState } from "./model.ts";
import type { HostWork } from "./ports.ts";
import type { StoredRollout } from "./store.ts";
import type { HostCounts, StoredRolloutHost } from "./store-hosts.ts";

const states: Record<RolloutState, Rollout_State> = {
  pending: Rollout_State.STATE_PENDING,
  running: Rollout_State.STATE_RUNNING,
  waiting: Rollout_State.STATE_WAITING,
  succeeded: Rollout_State.STATE_SUCCEEDED,
  failed: Rollout_State.STATE_FAILED,
  cancelled: Rollout_State.STATE_CANCELLED,
  superseded: Rollout_State.STATE_SUPERSEDED,
};
const hostStates: Record<RolloutHostState, RolloutHost_State> = {
  pending: RolloutHost_State.STATE_PENDING,
  "not-reached": RolloutHost_State.STATE_NOT_REACHED,
  applying: RolloutHost_State.STATE_APPLYING,
  "checking-health": RolloutHost_State.STATE_CHECKING_HEALTH,
  succeeded: RolloutHost_State.STATE_SUCCEEDED,
  failed: RolloutHost_State.STATE_FAILED,
  cancelled: RolloutHost_State.STATE_CANCELLED,
};

export function rolloutMessage(
  rollout: StoredRollout,
  counts: HostCounts,
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
    waitingFor: Rollout_Wait.WAIT_UNSPECIFIED,
    waitingUntil: undefined,
    currentWave: 0,
    waves: [],
    strategy: undefined,
    origin: "",
    hostsRolledBack: 0,
    reason: "",
    hostsPending: 0,
    hostsUnderWay: 0,
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
    wave: 1,
    probes: [],
    windowOpensAt: undefined,
    leaving: false,
  };
}
