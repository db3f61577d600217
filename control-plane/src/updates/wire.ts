import {
  AgentUpdate_State,
  AgentUpdateHost_State,
  type AgentRelease,
  type AgentUpdate as AgentUpdateMessage,
  type AgentUpdateHost as AgentUpdateHostMessage,
  type AgentUpdatePlan as AgentUpdatePlanMessage,
} from "@windflow/proto/api";
import { strategyMessage, waveStateOf } from "../rollouts/index.ts";
import type { ReleaseFacts, UpdateHostState, UpdateState } from "./model.ts";
import { summaryText, tally } from "./plan-summary.ts";
import type { Candidate } from "./plan-choose.ts";
import type { UpdatePreview } from "./service.ts";
import type { ListedUpdateHost, WaveCount } from "./store-hosts.ts";
import type { StoredUpdate } from "./store.ts";

const states: Record<UpdateState, AgentUpdate_State> = {
  pending: AgentUpdate_State.STATE_RUNNING,
  running: AgentUpdate_State.STATE_RUNNING,
  waiting: AgentUpdate_State.STATE_WAITING,
  paused: AgentUpdate_State.STATE_PAUSED,
  succeeded: AgentUpdate_State.STATE_SUCCEEDED,
  failed: AgentUpdate_State.STATE_FAILED,
  cancelled: AgentUpdate_State.STATE_CANCELLED,
  superseded: AgentUpdate_State.STATE_SUPERSEDED,
};
const hostStates: Record<UpdateHostState, AgentUpdateHost_State> = {
  pending: AgentUpdateHost_State.STATE_PENDING,
  "not-reached": AgentUpdateHost_State.STATE_NOT_REACHED,
  sent: AgentUpdateHost_State.STATE_SENT,
  downloading: AgentUpdateHost_State.STATE_DOWNLOADING,
  staged: AgentUpdateHost_State.STATE_STAGED,
  proving: AgentUpdateHost_State.STATE_PROVING,
  succeeded: AgentUpdateHost_State.STATE_SUCCEEDED,
  reverted: AgentUpdateHost_State.STATE_REVERTED,
  refused: AgentUpdateHost_State.STATE_REFUSED,
  "timed-out": AgentUpdateHost_State.STATE_TIMED_OUT,
  cancelled: AgentUpdateHost_State.STATE_CANCELLED,
};
// A plan shows so many of each list; the whole is told as a number.
const HOSTS_SHOWN = 100;

/** Undefined for a state that a host never has. */
export function hostStateOf(state: AgentUpdateHost_State): UpdateHostState | undefined {
  return (Object.keys(hostStates) as UpdateHostState[]).find((name) => hostStates[name] === state);
}

/** A release that this control plane has the files of. */
export function releaseMessage(
  facts: ReleaseFacts,
  of: { readonly hosts: number; readonly available: boolean; readonly problem: string },
): AgentRelease {
  const { id, version, commit, development, protocolMin, protocolMax, releasedAt, files } = facts;
  const at = releasedAt === "" ? undefined : new Date(releasedAt);
  return {
    id,
    version,
    commit,
    development,
    protocolMin,
    protocolMax,
    releasedAt: at !== undefined && Number.isNaN(at.getTime()) ? undefined : at,
    arches: [...new Set(files.flatMap((file) => (file.arch === "" ? [] : [file.arch])))].toSorted().toReversed(),
    ...of,
  };
}

export function updateMessage(update: StoredUpdate, counts: readonly WaveCount[]): AgentUpdateMessage {
  const of = tally(counts);
  return {
    id: update.id,
    release: releaseMessage(update.release, { hosts: 0, available: true, problem: "" }),
    state: states[update.state],
    cause: update.cause,
    strategy: strategyMessage(update.strategy),
    waves: update.waves.map((wave, i) => {
      const own = tally(counts.filter((count) => count.wave === i + 1));
      return {
        number: i + 1,
        name: wave.name,
        state: waveStateOf(update, i, () => own.reverted + own.refused + own.timedOut > 0),
        hostsTotal: own.total,
        hostsSucceeded: own.succeeded,
        hostsFailed: own.reverted + own.refused + own.timedOut,
        hostsNotReached: own.notReached,
        needsApproval: wave.needsApproval,
        approvedBy: wave.approvedBy ?? "",
        pauseSeconds: wave.pauseMs / 1000,
      };
    }),
    createdAt: update.createdAt,
    endedAt: dateOf(update.endedAt),
    createdBy: update.createdBy,
    reason: update.reason,
    hostsTotal: of.total,
    hostsSucceeded: of.succeeded,
    hostsFailed: of.reverted + of.refused + of.timedOut,
    hostsNotReached: of.notReached,
    hostsUnderWay: of.underWay,
    hostsPending: of.pending,
    summary: summaryText(of, update.release.version),
    currentWave: update.waves.filter((wave) => wave.startedAt !== undefined).length,
    waitingUntil: dateOf(update.waitingUntil),
  };
}

export function hostMessage(host: ListedUpdateHost): AgentUpdateHostMessage {
  return {
    hostId: host.hostId,
    hostName: host.hostName,
    state: hostStates[host.state],
    cause: host.cause,
    fromVersion: host.fromVersion,
    runningVersion: host.runningVersion,
    wave: host.wave,
    startedAt: dateOf(host.startedAt),
    endedAt: dateOf(host.endedAt),
    bytesDone: BigInt(host.report?.bytesDone ?? 0),
    bytesTotal: BigInt(host.report?.bytesTotal ?? 0),
    windowOpensAt: dateOf(host.windowOpensAt),
  };
}

export function planMessage({ release, chosen, waves, waveOf }: UpdatePreview): AgentUpdatePlanMessage {
  const byWave = Map.groupBy(chosen.taken, (host) => waveOf.get(host.hostId) ?? 1);
  return {
    release: releaseMessage(release, { hosts: chosen.already.length, available: true, problem: "" }),
    waves: waves.map((wave, i) => {
      const hosts = (byWave.get(i + 1) ?? []).toSorted((a, b) => (a.hostName < b.hostName ? -1 : 1));
      return {
        number: i + 1,
        name: wave.name,
        hostsTotal: hosts.length,
        hostsNotReached: hosts.filter(isAway).length,
        needsApproval: wave.needsApproval,
        pauseSeconds: wave.pauseMs / 1000,
        hosts: hosts.slice(0, HOSTS_SHOWN).map((host) => plannedHost(host, i + 1)),
      };
    }),
    hostsAlready: chosen.already.length,
    refused: chosen.refused.slice(0, HOSTS_SHOWN).map(({ host, cause }) => ({
      ...plannedHost(host, 0),
      state: AgentUpdateHost_State.STATE_REFUSED,
      cause,
    })),
    hostsRefused: chosen.refused.length,
  };
}

const isAway = ({ view }: Candidate): boolean => view.reach === "not-reached";

function plannedHost(host: Candidate, wave: number): AgentUpdateHostMessage {
  const { hostId, hostName, view } = host;
  const { version } = view.runs;
  return {
    hostId,
    hostName,
    state: isAway(host) ? AgentUpdateHost_State.STATE_NOT_REACHED : AgentUpdateHost_State.STATE_PENDING,
    cause: isAway(host) ? view.reachCause : "",
    fromVersion: version,
    runningVersion: version,
    wave,
    startedAt: undefined,
    endedAt: undefined,
    bytesDone: 0n,
    bytesTotal: 0n,
    windowOpensAt: undefined,
  };
}

function dateOf(ms: number | undefined): Date | undefined {
  return ms === undefined ? undefined : new Date(ms);
}
