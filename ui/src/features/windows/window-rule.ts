import type { WindowRule } from "@windflow/proto/client";
import { isZone } from "../../kit/weekdays.ts";
import { expressionFault } from "../stacks/label-expressions.ts";

export type RuleFault = "name" | "zone" | "opensAt" | "duration" | "expressions";
const MINUTES_A_DAY = 1_440;
const LONGEST_MINUTES = 7 * MINUTES_A_DAY;

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
