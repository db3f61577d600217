import { pino, type DestinationStream, type Logger } from "pino";

/** Structured log: `log.info({ [field.hostId]: id }, "A fixed sentence.")`. */
export type Log = Logger;

/** Names of log fields, so that the same thing is found under the same name everywhere. */
export const field = {
  area: "area",
  attempt: "attempt",
  callerId: "callerId",
  code: "code",
  count: "count",
  durationMs: "durationMs",
  hostId: "hostId",
  jobId: "jobId",
  kind: "kind",
  method: "method",
  name: "name",
  organizationId: "organizationId",
  outcome: "outcome",
  path: "path",
  pid: "pid",
  port: "port",
  reason: "reason",
  remoteAddress: "remoteAddress",
  requestId: "requestId",
  rolloutId: "rolloutId",
  sessionId: "sessionId",
  stackId: "stackId",
  status: "status",
} as const;

export const LOG_LEVELS = ["trace", "debug", "info", "warn", "error", "fatal", "silent"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

// A net under the rule that secrets are never logged: these keys are emptied wherever they stand, two levels deep.
const SECRET_KEYS = [
  "authorization",
  "cookie",
  "password",
  "currentPassword",
  "newPassword",
  "secret",
  "token",
  "privateKey",
  "plaintext",
];
const redactedPaths = SECRET_KEYS.flatMap((key) => [key, `*.${key}`, `*.*.${key}`]);

export function createLog(options: { level: LogLevel; destination?: DestinationStream }): Log {
  const settings = {
    level: options.level,
    base: null,
    redact: { paths: redactedPaths, censor: "[REDACTED]" },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
  };
  return options.destination ? pino(settings, options.destination) : pino(settings);
}
