import type { WindowRule } from "@windflow/proto/client";
import { expressionFault } from "../stacks/label-expressions.ts";

export type RuleFault = "name" | "zone" | "opensAt" | "duration" | "expressions";
const MINUTES_A_DAY = 1_440;
const LONGEST_MINUTES = 7 * MINUTES_A_DAY;
export const EVERY_DAY = [1, 2, 3, 4, 5, 6, 7] as const;

export function isZone(name: string): boolean {
  if (name === "") return false;
  try {
    // It throws on a name that it does not know.
    return new Intl.DateTimeFormat("en", { timeZone: name }).resolvedOptions().timeZone !== "";
  } catch {
    return false;
  }
}
export function ruleFaults(rule: WindowRule): RuleFault[] {
  const faults: RuleFault[] = [];
  if ((rule.name ?? "").trim() === "") faults.push("name");
  if (!isZone(rule.timeZone ?? "")) faults.push("zone");
  if (!/^(?:[01]\d|2[0-3]):[0-5]\d$/.test(rule.opensAt ?? "")) faults.push("opensAt");
  const minutes = rule.durationMinutes ?? 0;
  if (!Number.isInteger(minutes) || minutes < 1 || minutes > LONGEST_MINUTES) faults.push("duration");
  if ((rule.expressions ?? []).some((one) => expressionFault(one) !== undefined)) faults.push("expressions");
  return faults;
}
/** When the wall clock says that it closes, unless clocks are moved meanwhile; and how many days after it opened. */
export function closing(rule: WindowRule): { time: string; days: number } {
  const [hours = 0, minutes = 0] = (rule.opensAt ?? "00:00").split(":").map(Number);
  const end = hours * 60 + minutes + (rule.durationMinutes ?? 0);
  const two = (value: number): string => String(value).padStart(2, "0");
  const inDay = end % MINUTES_A_DAY;
  return { time: `${two(Math.floor(inDay / 60))}:${two(inDay % 60)}`, days: Math.floor(end / MINUTES_A_DAY) };
}
/** Days 1 = Monday … 7 = Sunday as runs: [1,2,3,4,5,7] → [[1,5],[7,7]]; every day when none is named. */
export function dayRuns(weekdays: readonly number[]): [first: number, last: number][] {
  const days = [...new Set(weekdays.length === 0 ? EVERY_DAY : weekdays)].toSorted((a, b) => a - b);
  const runs: [number, number][] = [];
  for (const day of days) {
    const run = runs.at(-1);
    if (run !== undefined && run[1] === day - 1) run[1] = day;
    else runs.push([day, day]);
  }
  return runs;
}
/** The name of a day in a language; 1 = Monday. */
export function dayName(day: number, locale: string): string {
  // 5 January 1970 was a Monday.
  return new Intl.DateTimeFormat(locale, { weekday: "short", timeZone: "UTC" }).format(
    new Date((4 + day - 1) * 86_400_000),
  );
}
export function daysText(weekdays: readonly number[], locale: string): string {
  return dayRuns(weekdays)
    .map(([first, last]) =>
      first === last
        ? dayName(first, locale)
        : `${dayName(first, locale)}${last === first + 1 ? ", " : "–"}${dayName(last, locale)}`,
    )
    .join(", ");
}
