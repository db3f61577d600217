import type { HostView, PlannedHost, Rollout, RolloutHostState, WaveRules, WaveStanding } from "../rollouts/index.ts";
import {
  isFailed,
  isHostOver,
  isUpdateEnded,
  type AgentUpdate,
  type UpdateHost,
  type UpdateHostState,
  type UpdateHostView,
} from "./model.ts";
import { assessHost, isAssessed, type HostAssessment } from "./plan-host.ts";
import { endedText } from "./plan-summary.ts";

/** One change, for the log, tests and dry runs. */
export interface UpdateStep {
  readonly op: "tell-host" | "set-host" | "ask-approval" | "begin-wave" | "pass-wave" | "set-update";
  readonly target: string;
  readonly cause: string;
}

export interface UpdatePlan<Update extends AgentUpdate, Host extends UpdateHost> {
  readonly steps: readonly UpdateStep[];
  /** How things stand once it was done; the very same objects where nothing changes. */
  readonly update: Update;
  readonly hosts: readonly Host[];
  /** When time alone may change something, milliseconds since 1970. */
  readonly wakeAt?: number;
}

const unheard: UpdateHostView = {
  reach: "not-reached",
  reachCause: "the host has never been seen",
  runs: { version: "" },
};

/**
 * What is next in an update of agents, from what is stored and what the hosts last said. Waves, limits, windows, pauses and
 * approvals are those of rollouts (`rules`). An ended update has no steps, and planning again after applying gives none
 * until the world or the time has changed.
 * @param now milliseconds since 1970
 */
export function planUpdate<Update extends AgentUpdate, Host extends UpdateHost>(
  update: Update,
  hosts: readonly Host[],
  views: ReadonlyMap<string, UpdateHostView>,
  now: number,
  rules: WaveRules,
): UpdatePlan<Update, Host> {
  if (isUpdateEnded(update.state)) return { steps: [], update, hosts };
  const found = hosts.map((host): HostAssessment | undefined => assessed(update, host, views, now));
  const failed = hosts.filter(({ begun, state }, i) => isFailed({ begun, state: found[i]?.state ?? state })).length;
  const stopped = update.cancelReason !== undefined || failed > update.strategy.failureBudget + update.excusedFailures;
  const settled = hosts.map((host, i) => (stopped ? stoppedHost(update, host, found[i], failed) : found[i]));
  const waved = hosts.map((host, i) => asWaveHost(host, settled[i]));
  const rollout = asRollout(update);
  const progress = stopped ? { waves: update.waves, steps: [] } : rules.progressWaves(rollout, waved, now);
  const begun = stopped
    ? waved
    : rules.beginHosts(rollout, progress.waves, waved, new Map([...views].map(([id, view]) => [id, asView(view)])));
  const after = hosts.map((host, i) => hostAfter(update, host, settled[i], begun[i], now));
  const next = after.every((host) => isHostOver(host.state))
    ? endedText(update, after)
    : rules.summarize(rollout, begun, progress);
  const updated = updateAfter(update, progress.waves, next, now);
  const hostSteps = after.flatMap((host, i) => (host === hosts[i] ? [] : [hostStep(host, begun[i])]));
  const own: UpdateStep[] =
    updated.state === update.state && updated.cause === update.cause
      ? []
      : [{ op: "set-update", target: `update ${update.id}`, cause: `${updated.state}: ${updated.cause}` }];
  const waveSteps = progress.steps.map(({ op, target, cause }) => ({ op: op as UpdateStep["op"], target, cause }));
  const steps = [...waveSteps, ...hostSteps, ...own];
  const until = "hold" in progress ? progress.hold?.until : undefined;
  const wakeAt = isUpdateEnded(updated.state) ? Infinity : earliest(settled, begun, until);
  return { steps, update: updated, hosts: after, ...(Number.isFinite(wakeAt) ? { wakeAt } : {}) };
}

/** One line a step. */
export function formatPlan({ steps }: Pick<UpdatePlan<AgentUpdate, UpdateHost>, "steps">): string {
  return steps.map(({ op, target, cause }) => `${op} ${target}: ${cause}`).join("\n");
}

function assessed(
  update: AgentUpdate,
  host: UpdateHost,
  views: ReadonlyMap<string, UpdateHostView>,
  now: number,
): HostAssessment | undefined {
  return isAssessed(host) ? assessHost(update, host, views.get(host.hostId) ?? unheard, now) : undefined;
}

/** Nothing more is begun. Hosts that were begun and are reached go on to their end, unless a person has cancelled the update. */
function stoppedHost(
  update: AgentUpdate,
  host: UpdateHost,
  found: HostAssessment | undefined,
  failed: number,
): HostAssessment | undefined {
  const state = found?.state ?? host.state;
  if (isHostOver(state)) return found;
  const { cancelReason } = update;
  if (cancelReason !== undefined) {
    const trial = state === "proving" ? "; the trial on it goes on to its end" : "";
    return { state: "cancelled", cause: `cancelled${cancelReason === "" ? "" : `: ${cancelReason}`}${trial}` };
  }
  if (host.begun && found?.away === undefined) return found;
  const hosts = `${failed} ${failed === 1 ? "host" : "hosts"} failed`;
  const cause = host.begun ? `not reached after it was told, and ${hosts}` : `not begun: ${hosts}`;
  return { state: "cancelled", cause };
}

function hostAfter<Host extends UpdateHost>(
  update: AgentUpdate,
  before: Host,
  found: HostAssessment | undefined,
  planned: PlannedHost | undefined,
  now: number,
): Host {
  if (found === undefined) return before;
  if (planned?.begins === true) {
    const { windowOpensAt: _opens, ...rest } = before;
    const cause = `told to become ${update.release.version}`;
    // Spread of a generic type: what was taken out is optional in it.
    return { ...(rest as Host), state: "sent", cause, begun: true, toldAt: now, startedAt: before.startedAt ?? now };
  }
  const state = found.state;
  const cause = state === "pending" ? pendingCause(found, planned) : found.cause;
  const windowOpensAt = state === "pending" ? planned?.windowOpensAt : undefined;
  if (before.state === state && before.cause === cause && before.windowOpensAt === windowOpensAt) return before;
  const { windowOpensAt: _opens, endedAt: _ended, ...rest } = before;
  return {
    ...(rest as Host),
    state,
    cause,
    ...(windowOpensAt === undefined ? {} : { windowOpensAt }),
    ...(isHostOver(state) ? { endedAt: now } : {}),
  };
}

function pendingCause(found: HostAssessment, planned: PlannedHost | undefined): string {
  if (planned?.kept === undefined) return found.cause;
  return planned.kept === "pause" ? "the update is paused" : planned.cause;
}

function hostStep(host: UpdateHost, planned: PlannedHost | undefined): UpdateStep {
  const begins = planned?.begins === true;
  const cause = begins ? host.cause : `${host.state}: ${host.cause}`;
  return { op: begins ? "tell-host" : "set-host", target: `host ${host.hostName}`, cause };
}

function updateAfter<Update extends AgentUpdate>(
  update: Update,
  waves: readonly WaveStanding[],
  next: ReturnType<WaveRules["summarize"]>,
  now: number,
): Update {
  const { waitingFor, waitingUntil } = next;
  // Rollouts know states that an update never comes to: going back is each agent's own.
  const state = next.state as AgentUpdate["state"];
  const sameWait = update.waitingFor === waitingFor && update.waitingUntil === waitingUntil;
  const sameWaves = waves.every((wave, i) => wave === update.waves[i]);
  if (update.state === state && update.cause === next.cause && sameWait && sameWaves) return update;
  const { waitingFor: _for, waitingUntil: _until, ...rest } = update;
  return {
    ...(rest as Update),
    state,
    cause: next.cause,
    waves: sameWaves ? update.waves : waves,
    ...(waitingFor === undefined ? {} : { waitingFor }),
    ...(waitingUntil === undefined ? {} : { waitingUntil }),
    ...(isUpdateEnded(state) ? { endedAt: now } : {}),
  };
}

function earliest(
  settled: readonly (HostAssessment | undefined)[],
  begun: readonly PlannedHost[],
  until = Infinity,
): number {
  const deadlines = settled.map((found) => found?.deadlineAt ?? Infinity);
  const wakes = begun.map((host) => host.wakeAt ?? Infinity);
  return [...deadlines, ...wakes].reduce((soonest, one) => Math.min(soonest, one), until);
}

const waveStates: Readonly<Record<UpdateHostState, RolloutHostState>> = {
  pending: "pending",
  "not-reached": "not-reached",
  sent: "applying",
  downloading: "applying",
  staged: "applying",
  proving: "checking-health",
  succeeded: "succeeded",
  reverted: "failed",
  refused: "failed",
  "timed-out": "failed",
  cancelled: "cancelled",
};

// Refused without having been told: nothing was tried there.
function waveState(state: UpdateHostState, begun: boolean): RolloutHostState {
  return state === "refused" && !begun ? "cancelled" : waveStates[state];
}

/** The host as the rules of waves see it. */
function asWaveHost(host: UpdateHost, found: HostAssessment | undefined): PlannedHost {
  const { hostId, hostName, wave, retries, begun, windowOpensAt } = host;
  return {
    hostId,
    hostName,
    action: "deploy",
    wave,
    state: waveState(found?.state ?? host.state, begun),
    cause: found?.cause ?? host.cause,
    previousRevision: 0,
    retries,
    touched: begun,
    ...(begun ? { generation: { term: 0n, n: 0n } } : {}),
    ...(found?.away === undefined ? {} : { away: found.away }),
    ...(windowOpensAt === undefined ? {} : { windowOpensAt }),
  };
}

function asView({ reach, reachCause, window }: UpdateHostView): HostView {
  return { reach, reachCause, ...(window === undefined ? {} : { window }) };
}

function asRollout(update: AgentUpdate): Rollout {
  const { id, state, cause, strategy, waves, paused, excusedFailures, ignoreWindows } = update;
  const own = { id, state, cause, strategy, waves, excusedFailures, ignoreWindows };
  const of = { stackId: "", kind: "deploy", revision: 0, overrideLocalHolds: false } as const;
  return { ...own, ...of, ...(paused === undefined ? {} : { paused }) };
}
