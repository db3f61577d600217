import { clockOf, minuteOfDay, occurrences, type ZoneClock } from "@windflow/core";
import { holds } from "../placement/index.ts";
import {
  HORIZON_MS,
  LOOK_BACK_MS,
  type Interval,
  type WindowHost,
  type WindowRule,
  type WindowState,
} from "./model.ts";

const MINUTE_MS = 60_000;

/**
 * Whether each of the hosts may be changed now. A host that no window is about may be at any time; one that some are about, while one
 * of them is open.
 * @param now milliseconds since 1970
 */
export function windowStates(
  rules: readonly WindowRule[],
  hosts: readonly WindowHost[],
  now: number,
): Map<string, WindowState> {
  const enabled = rules.filter((rule) => !rule.disabled);
  const clocks = new Map<string, ZoneClock>();
  const openings = new Map<WindowRule, Interval[]>();
  const openingsOf = (rule: WindowRule): Interval[] => {
    const clock = clocks.get(rule.timeZone) ?? clockOf(rule.timeZone);
    clocks.set(rule.timeZone, clock);
    const found = openings.get(rule) ?? openingsOfRule(rule, now, clock);
    openings.set(rule, found);
    return found;
  };
  // Hosts of the same windows have the same answer: in a large fleet there are few such sets.
  const answers = new Map<string, WindowState>();
  return new Map(
    hosts.map((host) => {
      const indexes = enabled.flatMap((rule, i) => (isAbout(rule, host) ? [i] : []));
      const key = indexes.join();
      const state =
        answers.get(key) ??
        stateOf(
          enabled.filter((_rule, i) => indexes.includes(i)).map((rule) => openingsOf(rule)),
          now,
        );
      answers.set(key, state);
      return [host.hostId, state];
    }),
  );
}

export function isAbout(rule: WindowRule, { labels }: WindowHost): boolean {
  // What a host says of itself would let it choose when it is changed.
  return rule.expressions.every((expression) => holds(expression, { labels, facts: {} }, true));
}

/** When the rule's window is open, from LOOK_BACK_MS before `now` to HORIZON_MS after it; in order. */
export function openingsOfRule(rule: WindowRule, now: number, clock: ZoneClock = clockOf(rule.timeZone)): Interval[] {
  const when = { weekdays: rule.weekdays, minuteOfDay: minuteOfDay(rule.opensAt) };
  return occurrences(when, { from: now - LOOK_BACK_MS, to: now + HORIZON_MS }, clock).map(({ at }) => ({
    from: at,
    to: at + rule.durationMinutes * MINUTE_MS,
  }));
}

/** @param windows of the host, each with its openings; none: it has no windows */
function stateOf(windows: readonly (readonly Interval[])[], now: number): WindowState {
  if (windows.length === 0) return { open: true };
  let closesAt = now;
  let opensAt = Infinity;
  for (const { from, to } of windows.flat().toSorted((a, b) => a.from - b.from)) {
    // Windows that touch are one: nothing closes between them.
    if (from <= closesAt) closesAt = Math.max(closesAt, to);
    else opensAt = Math.min(opensAt, from);
  }
  if (closesAt > now) return closesAt - now > HORIZON_MS ? { open: true } : { open: true, closesAt };
  return opensAt - now > HORIZON_MS ? { open: false } : { open: false, opensAt };
}
