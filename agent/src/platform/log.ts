export const LOG_LEVELS = ["debug", "info", "warn", "error"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** Names of log fields, the same word for the same thing everywhere. */
export interface LogFields {
  readonly area?: string;
  readonly attempt?: number;
  readonly bytes?: number;
  readonly code?: string;
  readonly containerId?: string;
  readonly count?: number;
  readonly delayMs?: number;
  readonly digest?: string;
  readonly epoch?: string;
  readonly from?: string;
  readonly generation?: string;
  readonly hostId?: string;
  readonly kind?: string;
  readonly path?: string;
  readonly reason?: string;
  readonly revision?: number;
  readonly server?: string;
  readonly service?: string;
  readonly stackId?: string;
  readonly step?: string;
  readonly to?: string;
  readonly [name: string]: unknown;
}

/** One line per act with its outcome: a fixed sentence, and what differs in the fields. */
export type Log = (level: LogLevel, message: string, fields?: LogFields) => void;

/**
 * JSON lines, as journald and every collector take them. Not pino: its import alone costs more memory than the agent's own
 * state, and the agent writes a few lines a minute.
 */
export function createLog(level: LogLevel, write: (line: string) => void, now: () => number): Log {
  const threshold = LOG_LEVELS.indexOf(level);
  return (lineLevel, message, fields) => {
    if (LOG_LEVELS.indexOf(lineLevel) < threshold) return;
    write(`${JSON.stringify({ time: new Date(now()).toISOString(), level: lineLevel, msg: message, ...fields })}\n`);
  };
}

/** What a person can act on, of anything that was thrown; causes included. */
export function reasonOf(thrown: unknown): string {
  if (!(thrown instanceof Error)) return String(thrown);
  const cause = thrown.cause === undefined ? "" : `: ${reasonOf(thrown.cause)}`;
  return `${thrown.message}${cause}`;
}
