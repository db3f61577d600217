/** 1 = Monday … 7 = Sunday, as the API counts them. */
export const EVERY_DAY = [1, 2, 3, 4, 5, 6, 7] as const;

/** The time zone that the browser is in. */
export const ownZone = (): string => Intl.DateTimeFormat().resolvedOptions().timeZone;

export function isZone(name: string): boolean {
  if (name === "") return false;
  try {
    // It throws on a name that it does not know.
    return new Intl.DateTimeFormat("en", { timeZone: name }).resolvedOptions().timeZone !== "";
  } catch {
    return false;
  }
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
