/**
 * Window of the n-th attempt, milliseconds; the pause is drawn evenly from it (full jitter). The first is short because most
 * losses are one host's own link, unless the control plane has said that it has many hosts; the later ones spread 10,000 hosts so far that a restarted control plane, at about a
 * millisecond of processor time per handshake, never has more of them at its door than fit into their TLS time-out.
 */
const WINDOWS_MS = [1_000, 2_000, 4_000, 8_000, 15_000] as const;
/** For a host that is not welcome (revoked, unknown): a person has to act first, and a person takes minutes. */
const REFUSED_WINDOW_MS = 240_000;
const REFUSED_LEAST_MS = 60_000;

/** However large the fleet is said to be: beyond this its hosts would be taken for lost. */
const LONGEST_RETURN_MS = 30_000;

/**
 * @param failures in a row, 0 after a session that was welcomed.
 * @param random 0 to 1.
 * @param returnWithinMs what the last Welcome said; 0 without one.
 */
export function backoffMs(failures: number, random: number, returnWithinMs = 0): number {
  const window = WINDOWS_MS[Math.min(failures, WINDOWS_MS.length - 1)] ?? 0;
  return Math.round(Math.max(window, Math.min(returnWithinMs, LONGEST_RETURN_MS)) * random);
}

/** One to five minutes. */
export function refusedBackoffMs(random: number): number {
  return Math.round(REFUSED_LEAST_MS + REFUSED_WINDOW_MS * random);
}
