/** The clocks of a time zone: how far ahead of UTC they are at a time, milliseconds. */
export type ZoneClock = (atMs: number) => number;

const HOUR_MS = 3_600_000;
// No zone is, or was in living memory, farther from UTC than 15 hours and a bit.
const FARTHEST_MS = 16 * HOUR_MS;
const OFFSET = /GMT(?:([+-])(\d{2}):(\d{2})(?::(\d{2}))?)?$/;

/** @throws RangeError for a zone that is not known */
export function clockOf(timeZone: string): ZoneClock {
  const format = new Intl.DateTimeFormat("en-US", { timeZone, timeZoneName: "longOffset" });
  return (atMs) => {
    const [, sign, hours = "0", minutes = "0", seconds = "0"] = OFFSET.exec(format.format(atMs)) ?? [];
    const ms = ((Number(hours) * 60 + Number(minutes)) * 60 + Number(seconds)) * 1000;
    return sign === "-" ? -ms : ms;
  };
}

/** True for a name of the IANA database; a bare offset is none, since its clocks never change. */
export function isTimeZone(timeZone: string): boolean {
  if (!/^[A-Za-z]/.test(timeZone)) return false;
  try {
    clockOf(timeZone);
    return true;
  } catch {
    return false;
  }
}

/**
 * The first moment at which the clocks of the zone show the wanted time or a later one. Of a time that comes twice that is the first;
 * of one that the clocks skip, the moment at which they have moved.
 * @param wallMs the wanted time as if the zone were UTC, milliseconds since 1970
 */
export function firstMoment(wallMs: number, clock: ZoneClock): number {
  const [begin, end] = [wallMs - FARTHEST_MS, wallMs + FARTHEST_MS];
  const usual = clock(begin);
  if (usual === clock(end)) return wallMs - usual;
  let from = begin;
  while (from < end) {
    const offset = clock(from);
    const until = offsetEnd(from, Math.min(from + HOUR_MS, end), clock);
    const moment = Math.max(from, wallMs - offset);
    if (moment < until) return moment;
    from = until;
  }
  return end;
}

/** Where the offset of `from` ends, at most `to`: to the second, as clocks change. */
function offsetEnd(from: number, to: number, clock: ZoneClock): number {
  const offset = clock(from);
  if (clock(to) === offset) return to;
  let [same, changed] = [from, to];
  while (changed - same > 1000) {
    const middle = same + Math.floor((changed - same) / 2000) * 1000;
    if (clock(middle) === offset) same = middle;
    else changed = middle;
  }
  return changed;
}
