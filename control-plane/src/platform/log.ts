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

const CAUSES = 5;

/**
 * What is said of an error: never its other fields, for drivers hang their whole connection, password included, on it.
 */
function errorFields(error: unknown, depth = 0): unknown {
  if (!(error instanceof Error)) return typeof error === "string" ? error : typeof error;
  const { code } = error as { code?: unknown };
  return {
    type: error.name,
    message: error.message,
    ...(typeof code === "string" || typeof code === "number" ? { code } : {}),
    stack: error.stack,
    ...(error.cause === undefined || depth >= CAUSES ? {} : { cause: errorFields(error.cause, depth + 1) }),
  };
}

export function createLog(options: { level: LogLevel; destination?: DestinationStream }): Log {
  const settings = {
    level: options.level,
    base: null,
    redact: { paths: redactedPaths, censor: "[REDACTED]" },
    serializers: { err: errorFields },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
  };
  return pino(settings, options.destination ?? standardOutput());
}

/**
 * Not pino's own destination: that one writes what is left, over and over, when the process ends and nobody reads the other end of
 * the pipe any more.
 */
function standardOutput(): DestinationStream {
  if (process.stdout.listenerCount("error") === 0) process.stdout.on("error", () => undefined);
  return { write: (line) => void process.stdout.write(line) };
}
