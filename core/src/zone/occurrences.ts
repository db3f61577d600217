import { type ZoneClock, firstMoment } from "./zone-clock.ts";

const DAY_MS = 86_400_000;
const MINUTE_MS = 60_000;

/** One day on which something begins. */
export interface Occurrence {
  /** Days since 1970-01-01 by the clocks of the zone. */
  readonly day: number;
  /** Milliseconds since 1970. */
  readonly at: number;
}

/**
 * When the clocks of a zone come to a minute of the day, on some weekdays; in order. A time that the clocks skip is the moment at which
 * they have moved, of one that comes twice the first counts.
 * @param when.weekdays 1 = Monday … 7 = Sunday; none: every day
 * @param span milliseconds since 1970; a day more at each end is given, since an occurrence may be moved into it
 */
export function occurrences(
  when: { readonly weekdays: readonly number[]; readonly minuteOfDay: number },
  span: { readonly from: number; readonly to: number },
  clock: ZoneClock,
): Occurrence[] {
  const localDay = (at: number): number => Math.floor((at + clock(at)) / DAY_MS);
  const found: Occurrence[] = [];
  for (let day = localDay(span.from) - 1; day <= localDay(span.to) + 1; day++) {
    if (when.weekdays.length > 0 && !when.weekdays.includes(weekdayOf(day))) continue;
    found.push({ day, at: momentOn(day, when.minuteOfDay, clock) });
  }
  return found;
}

/** The moment at which the clocks come to a minute of a day; 1440 and more are of the days after. */
export function momentOn(day: number, minuteOfDay: number, clock: ZoneClock): number {
  return firstMoment(day * DAY_MS + minuteOfDay * MINUTE_MS, clock);
}

/** Minutes of the day of "22:00". */
export function minuteOfDay(text: string): number {
  const [hours = 0, minutes = 0] = text.split(":").map(Number);
  return hours * 60 + minutes;
}

/** 1 = Monday … 7 = Sunday, of a day counted from the Thursday 1970-01-01. */
export function weekdayOf(day: number): number {
  return ((((day + 3) % 7) + 7) % 7) + 1;
}
