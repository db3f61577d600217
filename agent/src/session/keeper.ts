import type { Clock } from "../platform/clock.ts";
import { pause } from "../platform/clock.ts";
import type { Log } from "../platform/log.ts";
import { backoffMs, refusedBackoffMs } from "./backoff.ts";
import type { SessionEnd } from "./session.ts";

/** A session shorter than this counts as a failure: two hosts with one identity would push each other out without a pause. */
const STEADY_SESSION_MS = 10_000;
/** But the control plane was there, so the pause stays within seconds. */
const MOST_AFTER_SHORT_SESSION = 2;

export interface KeeperParts {
  readonly clock: Clock;
  readonly log: Log;
  /** 0 to 1. */
  readonly random: () => number;
  /** One attempt: dials, runs the session to its end. Never rejects. */
  attempt(stop: AbortSignal): Promise<SessionEnd>;
  onEnded(end: SessionEnd): void;
}

/** Keeps a session open for as long as the agent lives. Resolves when `stop` aborts. */
export async function keepSession(parts: KeeperParts, stop: AbortSignal): Promise<void> {
  let failures = 0;
  let returnWithinMs = 0;
  while (!stop.aborted) {
    const begun = parts.clock.now();
    const end = await parts.attempt(stop);
    parts.onEnded(end);
    if (stop.aborted) return;
    if (end.renewed) continue;
    if (end.welcomed) {
      ({ returnWithinMs } = end);
      const steady = parts.clock.now() - begun >= STEADY_SESSION_MS;
      failures = steady ? 0 : Math.min(failures, MOST_AFTER_SHORT_SESSION);
    }
    const random = parts.random();
    const delayMs = nextPause(end, random, backoffMs(failures, random, returnWithinMs));
    failures++;
    parts.log("info", "The session ended; it will be opened again.", {
      reason: end.reason,
      ...(end.goodbye ? { code: end.goodbye.code } : {}),
      attempt: failures,
      delayMs,
    });
    await pause(parts.clock, delayMs, stop);
  }
}

// "Never return" is answered with the slowest pace instead of an end: revoking and taking back is then one click, with
// nobody at the machine, and the host's key is refused meanwhile anyway.
function nextPause(end: SessionEnd, random: number, usualMs: number): number {
  const { goodbye } = end;
  if (goodbye?.doNotReturn === true || (end.refused && !end.welcomed)) return refusedBackoffMs(random);
  if (goodbye !== undefined && goodbye.retryAfterMs > 0) return goodbye.retryAfterMs + backoffMs(0, random);
  return usualMs;
}
