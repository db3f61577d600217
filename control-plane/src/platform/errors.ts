/** How a failure is told on each door: gRPC status number and HTTP status. */
const kinds = {
  invalid: { grpc: 3, http: 400 },
  deadline: { grpc: 4, http: 504 },
  notFound: { grpc: 5, http: 404 },
  exists: { grpc: 6, http: 409 },
  forbidden: { grpc: 7, http: 403 },
  exhausted: { grpc: 8, http: 429 },
  tooLarge: { grpc: 8, http: 413 },
  precondition: { grpc: 9, http: 409 },
  conflict: { grpc: 10, http: 409 },
  unimplemented: { grpc: 12, http: 501 },
  internal: { grpc: 13, http: 500 },
  unavailable: { grpc: 14, http: 503 },
  unauthenticated: { grpc: 16, http: 401 },
} as const;

export type ErrorKind = keyof typeof kinds;

/** One row of the error table. A code is never given a second meaning. */
export interface ErrorCode {
  /** `WF_…`, what programs match on. */
  readonly code: string;
  readonly kind: ErrorKind;
  /** What happened, one short sentence without a full stop. */
  readonly title: string;
  /** What the reader can do about it. */
  readonly fix: string;
}

type Row = Omit<ErrorCode, "code">;

/** The codes of one domain: `defineErrors({ WF_HOST_OFFLINE: { kind, title, fix } })`, in its `errors.ts`. */
export function defineErrors<const Codes extends string>(rows: Record<Codes, Row>): Record<Codes, ErrorCode> {
  const table: Partial<Record<Codes, ErrorCode>> = {};
  for (const code of Object.keys(rows) as Codes[]) {
    if (!/^WF_[A-Z0-9_]+$/.test(code)) throw new TypeError(`"${code}" is not an error code: WF_ and capitals`);
    table[code] = Object.freeze({ code, ...rows[code] });
  }
  return table as Record<Codes, ErrorCode>;
}

/** Where in the request (or in a compose file) something is wrong; line and column count from 1. */
export interface Violation {
  path: string;
  message: string;
  line?: number;
  column?: number;
}

/** The only error that reaches a caller with its text: all else is answered as WF_INTERNAL. */
export class ProblemError extends Error {
  override readonly name = "ProblemError";
  readonly code: ErrorCode;
  /** This occurrence: what, and why. */
  readonly detail: string;
  readonly violations: readonly Violation[];

  constructor(options: { code: ErrorCode; detail?: string; violations?: readonly Violation[]; cause?: unknown }) {
    const detail = options.detail ?? options.code.title;
    super(`${options.code.code}: ${detail}`, options.cause === undefined ? {} : { cause: options.cause });
    this.code = options.code;
    this.detail = detail;
    this.violations = options.violations ?? [];
  }
}

export function grpcStatusOf(code: ErrorCode): number {
  return kinds[code.kind].grpc;
}

export function httpStatusOf(code: ErrorCode): number {
  return kinds[code.kind].http;
}

/** True if `error` is the problem with this code. */
export function isProblem(error: unknown, code: ErrorCode): error is ProblemError {
  return error instanceof ProblemError && error.code.code === code.code;
}

/** What may go wrong on every method, whatever the domain. */
export const commonErrors: Record<CommonCode, ErrorCode> = defineErrors({
  WF_INVALID_ARGUMENT: {
    kind: "invalid",
    title: "The request is not valid",
    fix: "Correct the fields named in violations and send it again.",
  },
  WF_NOT_FOUND: {
    kind: "notFound",
    title: "There is no such thing, or you may not see it",
    fix: "Check the id and the organization in the address.",
  },
  WF_ALREADY_EXISTS: {
    kind: "exists",
    title: "The name is taken",
    fix: "Choose another name, or update the existing one.",
  },
  WF_ETAG_MISMATCH: {
    kind: "conflict",
    title: "Somebody changed it since you read it",
    fix: "Read it again, look at what changed, and repeat the update with the new etag.",
  },
  WF_UNAUTHENTICATED: {
    kind: "unauthenticated",
    title: "You are not signed in",
    fix: "Sign in, or send an API token as `Authorization: Bearer …`.",
  },
  WF_PERMISSION_DENIED: {
    kind: "forbidden",
    title: "You may not do this",
    fix: "Ask an administrator of the organization for the permission that is named in the detail.",
  },
  WF_PASSWORD_CHANGE_REQUIRED: {
    kind: "forbidden",
    title: "The first password must be changed before anything else",
    fix: "Change the password, then repeat the request.",
  },
  WF_ORIGIN_REFUSED: {
    kind: "forbidden",
    title: "The request came from another site",
    fix: "Use the page on the address of the control plane, or an API token from a program.",
  },
  WF_RATE_LIMITED: {
    kind: "exhausted",
    title: "Too many requests",
    fix: "Wait for the seconds named in Retry-After, then try again.",
  },
  WF_STREAMS_EXHAUSTED: {
    kind: "exhausted",
    title: "Too many streams of this kind are open",
    fix: "Close one of the streams (logs, terminals) and open it again.",
  },
  WF_MESSAGE_TOO_LARGE: {
    kind: "tooLarge",
    title: "The message is larger than the limit",
    fix: "Send less at once; the limit is named in the detail.",
  },
  WF_UNSUPPORTED_MEDIA_TYPE: {
    kind: "invalid",
    title: "The body is not JSON",
    fix: "Send JSON with `Content-Type: application/json`.",
  },
  WF_IDEMPOTENCY_MISMATCH: {
    kind: "conflict",
    title: "The Idempotency-Key was used for another request",
    fix: "Use a new key for a new request; the same key only for an exact repetition.",
  },
  WF_IDEMPOTENCY_BUSY: {
    kind: "conflict",
    title: "The first request with this Idempotency-Key is still running",
    fix: "Wait and repeat the request; it answers with the first result.",
  },
  WF_TICKET_INVALID: {
    kind: "unauthenticated",
    title: "The ticket is unknown, used or older than 30 seconds",
    fix: "Ask for a new ticket and use it at once; a ticket opens one terminal once.",
  },
  WF_PLAIN_HTTP: {
    kind: "invalid",
    title: "This port speaks https only",
    fix: "Use the same address with https://.",
  },
  WF_DEADLINE_EXCEEDED: {
    kind: "deadline",
    title: "It took longer than the time allowed",
    fix: "Try again; if it repeats, look at the load of the control plane and of its database.",
  },
  WF_CANCELLED: {
    kind: "unavailable",
    title: "The request ended before its answer",
    fix: "Send it again if you still want it.",
  },
  WF_STOPPING: {
    kind: "unavailable",
    title: "The control plane stops",
    fix: "Connect again in a few seconds.",
  },
  WF_DATABASE_UNAVAILABLE: {
    kind: "unavailable",
    title: "The database does not answer",
    fix: "Try again in a few seconds; the log of the control plane names the cause.",
  },
  WF_INTERNAL: {
    kind: "internal",
    title: "The control plane failed",
    fix: "Look for the request id in the log of the control plane, and report it.",
  },
});

export type CommonCode =
  | "WF_INVALID_ARGUMENT"
  | "WF_NOT_FOUND"
  | "WF_ALREADY_EXISTS"
  | "WF_ETAG_MISMATCH"
  | "WF_UNAUTHENTICATED"
  | "WF_PERMISSION_DENIED"
  | "WF_PASSWORD_CHANGE_REQUIRED"
  | "WF_ORIGIN_REFUSED"
  | "WF_RATE_LIMITED"
  | "WF_STREAMS_EXHAUSTED"
  | "WF_MESSAGE_TOO_LARGE"
  | "WF_UNSUPPORTED_MEDIA_TYPE"
  | "WF_IDEMPOTENCY_MISMATCH"
  | "WF_IDEMPOTENCY_BUSY"
  | "WF_TICKET_INVALID"
  | "WF_PLAIN_HTTP"
  | "WF_DEADLINE_EXCEEDED"
  | "WF_CANCELLED"
  | "WF_STOPPING"
  | "WF_DATABASE_UNAVAILABLE"
  | "WF_INTERNAL";

/** What stops the control plane from starting. */
export const startErrors: Record<StartCode, ErrorCode> = defineErrors({
  WF_CONFIG_INVALID: {
    kind: "invalid",
    title: "A setting is not valid",
    fix: "Correct the setting that is named; `--help` lists all of them.",
  },
  WF_STATE_IN_USE: {
    kind: "precondition",
    title: "Another control plane uses this state directory",
    fix: "Stop the other one, or start this one with another --state directory.",
  },
  WF_DATABASE_START_FAILED: {
    kind: "internal",
    title: "There is no database to work with",
    fix: "With DATABASE_URL, check the address, the user and the server; without, read the PostgreSQL log that is named.",
  },
  WF_UNPACK_FAILED: {
    kind: "internal",
    title: "What the program carries with it could not be unpacked",
    fix: "Make 100 MB of room in the state directory, or choose another one with --state; a damaged program is fetched again and compared with SHA256SUMS.",
  },
  WF_DATABASE_TOO_OLD: {
    kind: "precondition",
    title: "The database server is too old",
    fix: "Use PostgreSQL 15 or newer.",
  },
  WF_DATABASE_MIGRATION: {
    kind: "precondition",
    title: "The database could not be brought to this version",
    fix: "Nothing was changed by the failed step; the detail names it.",
  },
  WF_KEY_UNREADABLE: {
    kind: "precondition",
    title: "The installation key is missing or damaged",
    fix: "Restore the key file from the backup; without it the sealed values cannot be opened.",
  },
});

export type StartCode =
  | "WF_CONFIG_INVALID"
  | "WF_STATE_IN_USE"
  | "WF_DATABASE_START_FAILED"
  | "WF_UNPACK_FAILED"
  | "WF_DATABASE_TOO_OLD"
  | "WF_DATABASE_MIGRATION"
  | "WF_KEY_UNREADABLE";
