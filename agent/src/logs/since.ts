import { AgentError } from "../errors.ts";

const UNITS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/**
 * "90s", "15m", "2h", "1d" before now, or a time such as "2026-11-23T01:50:00Z".
 * @returns milliseconds since 1970.
 * @throws AgentError WF_CONFIG_INVALID
 */
export function parseSince(text: string, now: number): number {
  const span = /^(\d{1,6})([smhd])$/.exec(text);
  if (span !== null) return now - Number(span[1]) * (UNITS[span[2] ?? ""] ?? 0);
  const at = Date.parse(text);
  if (!Number.isNaN(at)) return at;
  throw new AgentError(
    "WF_CONFIG_INVALID",
    `"${text}" is no time. Give a span such as 15m, 2h or 1d, or a time such as 2026-11-23T01:50:00Z.`,
  );
}
