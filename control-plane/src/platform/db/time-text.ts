// `2026-11-23 08:32:15.123456+00`, the fraction shorter or missing.
const SECONDS_END = 19;
const ZONE = "+00";
const ZERO = 48;
const DOT = 46;
// The fourth digit of the fraction and what follows is finer than a Date.
const MILLISECOND_DIGITS = 3;

/**
 * A time as PostgreSQL writes it while its time zone is UTC; undefined for all others (BC, years beyond 9999, infinity, other zones).
 * Lists of hosts and rollouts read tens of thousands: ten times as fast as the driver's regular expressions.
 */
export function timeInUtc(text: string): Date | undefined {
  const end = text.length - ZONE.length;
  if (end < SECONDS_END || !text.endsWith(ZONE) || text[4] !== "-" || text[10] !== " ") return undefined;
  const year = digits(text, 0, 4);
  const milliseconds = end === SECONDS_END ? 0 : fraction(text, SECONDS_END, end);
  // Date.UTC takes years below 100 for those of the last century.
  if (year < 100) return undefined;
  const date = Date.UTC(year, digits(text, 5, 7) - 1, digits(text, 8, 10));
  const time = (digits(text, 11, 13) * 60 + digits(text, 14, 16)) * 60 + digits(text, 17, SECONDS_END);
  const at = date + time * 1000 + milliseconds;
  return Number.isNaN(at) ? undefined : new Date(at);
}

/** NaN where one is none. */
function digits(text: string, from: number, to: number): number {
  let value = 0;
  for (let i = from; i < to; i++) {
    const digit = text.charCodeAt(i) - ZERO;
    value = digit >= 0 && digit <= 9 ? value * 10 + digit : Number.NaN;
  }
  return value;
}

function fraction(text: string, dot: number, end: number): number {
  if (text.charCodeAt(dot) !== DOT) return Number.NaN;
  const last = Math.min(end, dot + 1 + MILLISECOND_DIGITS);
  return digits(text, dot + 1, last) * 10 ** (MILLISECOND_DIGITS - (last - dot - 1));
}
