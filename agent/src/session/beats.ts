/**
 * When to send a heartbeat. A batch of figures that was acknowledged has shown both sides all that a heartbeat shows, but the
 * host's clock and a change of the engine: heartbeats are saved while such answers come, and one of eight goes nevertheless.
 */
export interface Beats {
  /** The control plane acknowledged something that this host sent. */
  answered(now: number): void;
  /** A heartbeat was answered. */
  replied(now: number): void;
  /**
   * Milliseconds until it is asked again; and whether to send one now.
   * @param problem why the engine cannot be asked; a change of it is told at once
   */
  next(now: number, heartbeatMs: number, problem: string): { readonly send: boolean; readonly afterMs: number };
}

/** In a row: a clock that is set is still noticed within about two minutes. */
const MOST_SAVED = 7;
/** Figures that are shipped as often as heartbeats come would lose each race by a moment. Less than a lease has to spare. */
const LONGEST_SLACK_MS = 2_000;
const SLACK_PART = 8;

/** A link whose answers take longer may be silent for as long as a lease: nothing is saved on it. */
const SLOW_PART = 2;

export function createBeats(): Beats {
  let answeredAt = Number.NEGATIVE_INFINITY;
  let sentAt: number | undefined;
  let wayMs = Number.POSITIVE_INFINITY;
  let saved = 0;
  let told: string | undefined;
  return {
    answered: (now) => (answeredAt = now),
    replied: (now) => {
      if (sentAt !== undefined) wayMs = Math.abs(now - sentAt);
      sentAt = undefined;
    },
    next(now, heartbeatMs, problem) {
      const slackMs = Math.min(LONGEST_SLACK_MS, heartbeatMs / SLACK_PART);
      const restMs = answeredAt + heartbeatMs + slackMs - now;
      // A clock that was set back has answers in the future.
      const isFresh = restMs > 0 && restMs <= heartbeatMs + slackMs;
      const isQuick = sentAt === undefined && wayMs < heartbeatMs / SLOW_PART;
      if (isFresh && isQuick && saved < MOST_SAVED && problem === told) {
        saved++;
        return { send: false, afterMs: restMs };
      }
      saved = 0;
      told = problem;
      // The way of the oldest that has no answer yet.
      sentAt ??= now;
      return { send: true, afterMs: heartbeatMs };
    },
  };
}
