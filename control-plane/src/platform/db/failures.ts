import { commonErrors, ProblemError } from "../errors.ts";

type Failure = { code?: unknown; constraint?: unknown; message?: unknown };

const failureOf = (error: unknown): Failure => (typeof error === "object" && error !== null ? error : {});

// https://www.postgresql.org/docs/15/errcodes-appendix.html
const UNIQUE_VIOLATION = "23505";
const DISK_FULL = "53100";
const QUERY_CANCELED = "57014";
const RETRIED = new Set(["40001", "40P01"]);
// Of the server: it is away, full, in the hands of somebody else, or not the leader. None of it is the request's fault,
// and a repetition may succeed: whoever keeps what hosts sent must not take it for data that can never be stored.
const PASSING = new Set(["40001", "40P01", "55P03", "25006", "25P02", "25P03", "57P01", "57P02", "57P03", "57P05"]);
// Connections, resources, the system around the server.
const PASSING_CLASSES = new Set(["08", "53", "58"]);
// Of class 08, but said to a statement that cannot be sent, such as one with too many parameters.
const PROTOCOL_VIOLATION = "08P01";
const UNREACHABLE = new Set([
  "ECONNREFUSED",
  "ECONNRESET",
  "ENOENT",
  "EPIPE",
  "ETIMEDOUT",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "EAI_AGAIN",
  "ENOTFOUND",
]);
const SQLSTATE = /^[0-9A-Z]{5}$/;
const UNREACHABLE_TEXT =
  /^(Connection terminated|timeout exceeded when trying to connect|Client has encountered a connection error)/;

/** True if a row with the same unique key exists; `constraint` narrows it to one key. */
export function isUniqueViolation(error: unknown, constraint?: string): boolean {
  const failure = failureOf(error);
  return failure.code === UNIQUE_VIOLATION && (constraint === undefined || failure.constraint === constraint);
}

/** The server has no room left to write; what was stored stays. */
export function isDiskFull(error: unknown): boolean {
  const { cause } = typeof error === "object" && error !== null ? (error as { cause?: unknown }) : {};
  return failureOf(error).code === DISK_FULL || failureOf(cause).code === DISK_FULL;
}

/** A deadlock or a serialization failure: nothing was changed, and a second try may succeed. */
export function isRetryable(error: unknown): boolean {
  return RETRIED.has(String(failureOf(error).code));
}

/** Gives driver failures that a caller can do something about their code; leaves all else as it is. */
export function asProblem(error: unknown): unknown {
  const failure = failureOf(error);
  const code = String(failure.code);
  const ofServer = SQLSTATE.test(code) && code !== PROTOCOL_VIOLATION && PASSING_CLASSES.has(code.slice(0, 2));
  const passing = PASSING.has(code) || ofServer;
  if (passing || UNREACHABLE.has(code) || UNREACHABLE_TEXT.test(String(failure.message))) {
    return new ProblemError({ code: commonErrors.WF_DATABASE_UNAVAILABLE, cause: error });
  }
  if (failure.code === QUERY_CANCELED) {
    return new ProblemError({
      code: commonErrors.WF_DEADLINE_EXCEEDED,
      detail: "the database took too long",
      cause: error,
    });
  }
  return error;
}
