/** Of this build, and when it was made: the clock of a host that lost its battery is at least this late. */
export const AGENT_VERSION = "0.1.0";
export const BUILT_AT_MS: number = Date.UTC(2026, 10, 1);
