import type { Rollout, RolloutHost } from "@windflow/proto/client";
import { hostWord, rolloutWord, underWay, waveWord, type RolloutWord } from "./rollout-state.ts";

/** What may be done with a rollout in the state that it is in. The control plane has the last word. */
export interface RolloutActs {
  pause: boolean;
  resume: boolean;
  cancel: boolean;
  /** The wave that waits for approval; 0 when none does. */
  approve: number;
  retry: boolean;
  rollBack: boolean;
}
const GOES_ON: ReadonlySet<RolloutWord> = new Set<RolloutWord>(["pending", "running", "waiting"]);
const RETRIES: ReadonlySet<RolloutWord> = new Set<RolloutWord>(["running", "waiting", "paused", "failed"]);

export function actsOf(rollout: Rollout): RolloutActs {
  const word = rolloutWord(rollout.state);
  const awaiting = (rollout.waves ?? []).find((wave) => waveWord(wave.state) === "awaitingApproval")?.number ?? 0;
  return {
    pause: GOES_ON.has(word),
    resume: word === "paused",
    cancel: underWay(rollout) && word !== "rollingBack",
    approve: GOES_ON.has(word) || word === "paused" ? awaiting : 0,
    retry: RETRIES.has(word) && (rollout.hostsFailed ?? 0) > 0,
    rollBack: RETRIES.has(word) && rollout.kind !== "KIND_REMOVE" && hasTouched(rollout),
  };
}

export const failedHosts = (rollout: Rollout): RolloutHost[] =>
  (rollout.hosts ?? []).filter((host) => hostWord(host.state) === "failed");

const TOUCHED: ReadonlySet<string> = new Set(["applying", "checkingHealth", "succeeded", "failed"]);
/** Hosts that the rollout has begun to change. */
export const touchedHosts = (rollout: Rollout): RolloutHost[] =>
  (rollout.hosts ?? []).filter(
    (host) => TOUCHED.has(hostWord(host.state)) || (isAway(host) && Boolean(host.startedAt)),
  );
const hasTouched = (rollout: Rollout): boolean =>
  (rollout.hostsSucceeded ?? 0) + (rollout.hostsFailed ?? 0) + (rollout.hostsUnderWay ?? 0) > 0 ||
  touchedHosts(rollout).length > 0;
const isAway = (host: RolloutHost): boolean => hostWord(host.state) === "notReached";

/** What going back would do, by host. */
export interface WayBack {
  /** Revision → hosts that run it again; the newest first. */
  to: [revision: number, hosts: number][];
  /** Hosts that had nothing before: the stack is taken off them. */
  removed: number;
  /** Of all these, hosts that are not reached now. */
  away: number;
}
export function wayBack(rollout: Rollout): WayBack {
  const to = new Map<number, number>();
  let removed = 0;
  let away = 0;
  for (const host of touchedHosts(rollout)) {
    const before = host.previousRevision ?? 0;
    if (before === 0) removed += 1;
    else to.set(before, (to.get(before) ?? 0) + 1);
    if (isAway(host)) away += 1;
  }
  return { to: [...to].toSorted(([a], [b]) => b - a), removed, away };
}
