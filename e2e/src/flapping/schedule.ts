import { seeded } from "../chaos/schedule.ts";

/** How a link behaves. */
export const LINK_MODES = ["open", "cut", "reset", "stall", "half-open", "up-only", "down-only"] as const;
export type LinkMode = (typeof LINK_MODES)[number];

/** From `atMs` on, of the time of the agent, since the begin. */
export interface Phase {
  readonly atMs: number;
  readonly mode: LinkMode;
}

/** Good times and bad ones in turn; some too short for a session, some longer than the lease of 90 s. */
const GOOD_MS = { shortest: 5_000, longest: 600_000 };
const BAD_MS = { shortest: 2_000, longest: 480_000 };

/** The same seed gives the same phases. Short ones are as many as long ones. */
export function scheduleLink(seed: number, durationMs: number): Phase[] {
  const random = seeded(seed);
  const phases: Phase[] = [];
  const bad = LINK_MODES.filter((mode) => mode !== "open");
  for (let atMs = 0; atMs < durationMs;) {
    const isGood = phases.length % 2 === 0;
    phases.push({ atMs: Math.round(atMs), mode: isGood ? "open" : (bad[Math.floor(random() * bad.length)] ?? "cut") });
    const { shortest, longest } = isGood ? GOOD_MS : BAD_MS;
    atMs += shortest * (longest / shortest) ** random();
  }
  return phases;
}
