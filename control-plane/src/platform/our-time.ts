// What the API can carry: a time before or after that would fail the whole answer that it stands in.
const EARLIEST_MS = 0;
const LATEST_MS = Date.parse("9999-12-31T23:59:59.999Z");

/**
 * A time that a host told, by our clock, and within what can be shown: a host may be in 1970, or say anything.
 * @param skewMs milliseconds that the host's clock is ahead
 */
export function inOurTime(time: Date, skewMs: number): Date {
  const ms = time.getTime() - skewMs;
  return new Date(Math.min(LATEST_MS, Math.max(EARLIEST_MS, Number.isNaN(ms) ? EARLIEST_MS : ms)));
}
