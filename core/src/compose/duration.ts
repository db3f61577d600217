const NANOSECONDS_PER: Readonly<Record<string, bigint>> = {
  ns: 1n,
  us: 1_000n,
  µs: 1_000n,
  μs: 1_000n,
  ms: 1_000_000n,
  s: 1_000_000_000n,
  m: 60_000_000_000n,
  h: 3_600_000_000_000n,
  d: 86_400_000_000_000n,
  w: 604_800_000_000_000n,
};
const PART = /(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h|d|w)/y;
const MAX_INT64 = 9_223_372_036_854_775_807n;

/**
 * Nanoseconds of a duration as Go and Compose write it: `90s`, `1m30s`, `1.5h`, `500ms`, `1d`, and a bare `0`.
 * @returns undefined when the text is no such duration, or is longer than the 292 years that Go can hold.
 */
export function parseGoDuration(text: string): bigint | undefined {
  const negative = text.startsWith("-");
  const body = /^[+-]/.test(text) ? text.slice(1) : text;
  if (body === "0") return 0n;
  if (body === "") return undefined;
  let total = 0n;
  PART.lastIndex = 0;
  while (PART.lastIndex < body.length) {
    const match = PART.exec(body);
    if (match === null) return undefined;
    const [, amount = "", unit = ""] = match;
    total += scaled(amount, NANOSECONDS_PER[unit] ?? 0n);
    if (total > MAX_INT64) return undefined;
  }
  return negative ? -total : total;
}

function scaled(amount: string, unit: bigint): bigint {
  const [whole = "", fraction = ""] = amount.split(".");
  const digits = fraction.slice(0, 18);
  return BigInt(whole || "0") * unit + (BigInt(digits || "0") * unit) / 10n ** BigInt(digits.length);
}

/** Text of a number of nanoseconds exactly as Go prints a time.Duration: `0s`, `1.5ms`, `1m30s`, `24h0m0s`. */
export function formatGoDuration(nanoseconds: bigint): string {
  if (nanoseconds === 0n) return "0s";
  if (nanoseconds < 0n) return `-${formatGoDuration(-nanoseconds)}`;
  if (nanoseconds < 1_000n) return `${nanoseconds}ns`;
  if (nanoseconds < 1_000_000n) return `${decimal(nanoseconds, 3)}µs`;
  if (nanoseconds < 1_000_000_000n) return `${decimal(nanoseconds, 6)}ms`;
  const seconds = decimal(nanoseconds % 60_000_000_000n, 9);
  const minutes = nanoseconds / 60_000_000_000n;
  if (minutes === 0n) return `${seconds}s`;
  return minutes < 60n ? `${minutes}m${seconds}s` : `${minutes / 60n}h${minutes % 60n}m${seconds}s`;
}

function decimal(value: bigint, places: number): string {
  const unit = 10n ** BigInt(places);
  const fraction = (value % unit).toString().padStart(places, "0").replace(/0+$/, "");
  return fraction === "" ? `${value / unit}` : `${value / unit}.${fraction}`;
}
