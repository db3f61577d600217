/**
 * When to send a heartbeat. A batch of figures that was acknowledged has shown both sides all that a heartbeat shows, but the
 * host's clock and a change of the engine: heartbeats are saved while such answers come, and one of eight goes nevertheless.
 * Of two batches one needs no answer: what was sent shows the other side that this one is well.
 */
export interface Beats {
  /** The control plane acknowledged something that this host sent. */
  answered(now: number): void;
  /** A heartbeat was answered. */
  replied(now: number): void;
  /** Whether a batch that is sent now can do without its answer; the next one cannot then. */
  waivesAnswer(now: number, heartbeatMs: number): boolean;
  /**
   * Milliseconds until it is asked again; and whether to send one now.
   * @param problem why the engine cannot be asked; a change of it is told at once
   */
  next(now: number, heartbeatMs: number, problem: string): { readonly send: boolean; readonly afterMs: number };
}

/**
 * An answer to a heartbeat that does not come for as long as two more of them, at most for this, shows a dead connection. Where
 * heartbeats are further apart, one that is saved for the time of two would take that time away.
 */
export const LONGEST_ANSWER_MS = 60_000;
/** In a row: a clock that is set is still noticed within about two minutes. */
const MOST_SAVED = 7;
/** Figures that are shipped as often as heartbeats come would lose each race by a moment. Less than a lease has to spare. */
const LONGEST_SLACK_MS = 2_000;
const SLACK_PART = 8;

/** A link whose answers take longer may be silent for as long as a lease: nothing is saved on it. */
const SLOW_PART = 2;

export function createBeats(): Beats {
  let answeredAt = Number.NEGATIVE_INFINITY;
  let waivedAt = Number.NEGATIVE_INFINITY;
  let sentAt: number | undefined;
  let wayMs = Number.POSITIVE_INFINITY;
  let saved = 0;
  let told: string | undefined;
  const isQuick = (heartbeatMs: number): boolean => sentAt === undefined && wayMs < heartbeatMs / SLOW_PART;
  /** Milliseconds for which nothing has to be said; none when that time is over, or in the future of a clock that was set back. */
  const restMs = (since: number, now: number, heartbeatMs: number): number => {
    const longest = heartbeatMs + Math.min(LONGEST_SLACK_MS, heartbeatMs / SLACK_PART);
    const rest = since + longest - now;
    return rest <= longest ? Math.max(0, rest) : 0;
  };
  return {
    answered: (now) => {
      answeredAt = now;
      waivedAt = Number.NEGATIVE_INFINITY;
    },
    replied: (now) => {
      if (sentAt !== undefined) wayMs = Math.abs(now - sentAt);
      sentAt = undefined;
    },
    waivesAnswer(now, heartbeatMs) {
      const isFirst = waivedAt === Number.NEGATIVE_INFINITY;
      const mayWait = isFirst && heartbeatMs <= LONGEST_ANSWER_MS && isQuick(heartbeatMs);
      if (!mayWait || restMs(answeredAt, now, heartbeatMs) === 0) return false;
      waivedAt = now;
      return true;
    },
    next(now, heartbeatMs, problem) {
      const afterMs = restMs(Math.max(answeredAt, waivedAt), now, heartbeatMs);
      if (afterMs > 0 && isQuick(heartbeatMs) && saved < MOST_SAVED && problem === told) {
        saved++;
        return { send: false, afterMs };
      }
      saved = 0;
      told = problem;
      // The way of the oldest that has no answer yet.
      sentAt ??= now;
      return { send: true, afterMs: heartbeatMs };
    },
  };
}
