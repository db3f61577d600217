import type { RolloutHost, RolloutHost_State } from "@windflow/proto/client";
import { HOST_STATES, hostWord, type RolloutHostWord } from "./rollout-state.ts";

/** States of hosts as a person looks for them. */
export const HOST_GROUPS = [
  "failed",
  "underWay",
  "notReached",
  "pending",
  "rolledBack",
  "succeeded",
  "cancelled",
] as const;
export type HostGroup = (typeof HOST_GROUPS)[number];

const GROUPS: Record<RolloutHostWord, HostGroup> = {
  unknown: "pending",
  pending: "pending",
  notReached: "notReached",
  applying: "underWay",
  checkingHealth: "underWay",
  rollingBack: "underWay",
  succeeded: "succeeded",
  failed: "failed",
  rollbackFailed: "failed",
  rolledBack: "rolledBack",
  cancelled: "cancelled",
};
/** The same the other way round, as the API names states. */
export const STATES_OF_GROUP = Object.fromEntries(
  HOST_GROUPS.map((group) => [group, HOST_STATES.filter((state) => GROUPS[hostWord(state)] === group)]),
) as Record<HostGroup, RolloutHost_State[]>;
export const groupOf = (host: RolloutHost): HostGroup => GROUPS[hostWord(host.state)];

export interface HostFilter {
  group: HostGroup | "all";
  /** 0: every wave. */
  wave: number;
  /** Part of the name. */
  text: string;
}

/** The hosts that fit: what needs a person first, then by wave and name. One pass and one sort: there may be 10,000, each second. */
export function hostRows(hosts: readonly RolloutHost[], filter: HostFilter): RolloutHost[] {
  const text = filter.text.trim().toLowerCase();
  const ranked: { host: RolloutHost; rank: number; name: string }[] = [];
  for (const host of hosts) {
    const group = groupOf(host);
    const name = host.hostName ?? "";
    if (filter.group !== "all" && group !== filter.group) continue;
    if (filter.wave !== 0 && (host.wave ?? 0) !== filter.wave) continue;
    if (text !== "" && !name.toLowerCase().includes(text)) continue;
    ranked.push({ host, rank: HOST_GROUPS.indexOf(group) * 100 + Math.min(99, host.wave ?? 0), name });
  }
  ranked.sort((a, b) => a.rank - b.rank || (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
  return ranked.map(({ host }) => host);
}

export function countGroups(hosts: readonly RolloutHost[]): Map<HostGroup, number> {
  const counts = new Map<HostGroup, number>();
  for (const host of hosts) counts.set(groupOf(host), (counts.get(groupOf(host)) ?? 0) + 1);
  return counts;
}

/** The counts of each wave, in one pass. */
export function countWaves(hosts: readonly RolloutHost[]): Map<number, Map<HostGroup, number>> {
  const waves = new Map<number, Map<HostGroup, number>>();
  for (const host of hosts) {
    const counts = waves.get(host.wave ?? 0) ?? new Map<HostGroup, number>();
    counts.set(groupOf(host), (counts.get(groupOf(host)) ?? 0) + 1);
    waves.set(host.wave ?? 0, counts);
  }
  return waves;
}

/** What a host's probes said last, as counts; undefined when it has none. */
export function probeCounts(host: RolloutHost): { passed: number; all: number } | undefined {
  const probes = host.probes ?? [];
  return probes.length === 0
    ? undefined
    : { passed: probes.filter((probe) => probe.passed).length, all: probes.length };
}
