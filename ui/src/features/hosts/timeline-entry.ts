import type { TimelineEntry } from "@windflow/proto/client";
import { ArrowRightLeft, Box, Cable, Rocket, Server, UserRound, Wrench } from "@lucide/vue";
import type { Component } from "vue";

export const TIMELINE_KINDS = ["session", "rollout", "drift", "container", "host", "person"] as const;
export type TimelineKind = (typeof TIMELINE_KINDS)[number];

export const KIND_ICONS: Record<TimelineKind, Component> = {
  session: Cable,
  rollout: Rocket,
  drift: Wrench,
  container: Box,
  host: Server,
  person: UserRound,
};
export const iconOf = (entry: TimelineEntry): Component => KIND_ICONS[entry.kind as TimelineKind] ?? ArrowRightLeft;

/** The way from an event to its entry takes seconds at most; what took longer waited in the host's spool. */
const LATE_S = 60;

/** Seconds that an entry came after its time, when that is worth saying; else undefined. */
export function lateBy(entry: TimelineEntry): number | undefined {
  if (!entry.receivedAt || !entry.at) return undefined;
  const seconds = (Date.parse(entry.receivedAt) - Date.parse(entry.at)) / 1000;
  return seconds > LATE_S ? seconds : undefined;
}

/** The kinds with one of them chosen or no longer; none means all. */
export function toggled(kinds: readonly TimelineKind[], kind: TimelineKind): TimelineKind[] {
  const next = kinds.includes(kind) ? kinds.filter((one) => one !== kind) : [...kinds, kind];
  return TIMELINE_KINDS.filter((one) => next.includes(one));
}
