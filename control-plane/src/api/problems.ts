import { commonErrors, field, httpStatusOf, ProblemError, type Log, type SparseLog } from "../platform/index.ts";

/** The body of every error over HTTP, and of the `error` event of a stream (RFC 9457 with our fields). */
export interface ProblemBody {
  type: string;
  status: number;
  code: string;
  title: string;
  detail: string;
  fix: string;
  requestId: string;
  violations: { path: string; line?: number; column?: number; message: string }[];
}

export function problemBody(problem: ProblemError, requestId: string): ProblemBody {
  return {
    type: `urn:windflow:error:${problem.code.code}`,
    status: httpStatusOf(problem.code),
    code: problem.code.code,
    title: problem.code.title,
    detail: problem.detail,
    fix: problem.code.fix,
    requestId,
    violations: problem.violations.map((one) => ({ ...one })),
  };
}

/** Where a failed call is told of in the log. */
export interface CallPlace {
  requestId: string;
  method: string;
  remoteAddress: string;
  log: Log;
  refusals: SparseLog;
}

const REFUSED_KINDS: ReadonlySet<string> = new Set(["unauthenticated", "forbidden", "tooLarge", "exhausted"]);

/** What the caller is told. A failure that nobody foresaw is logged with its cause and answered without it. */
export function toProblem(error: unknown, context: CallPlace): ProblemError {
  if (error instanceof ProblemError && error.code.kind !== "internal") {
    const { method, requestId, remoteAddress } = context;
    if (REFUSED_KINDS.has(error.code.kind) && !isOnlySignedOut(error)) {
      const fields = { [field.method]: method, [field.requestId]: requestId, [field.remoteAddress]: remoteAddress };
      context.refusals.warn("A call was refused.", error.code.code, { ...fields, detail: error.detail });
    }
    return error;
  }
  if (isAbort(error)) return new ProblemError({ code: commonErrors.WF_CANCELLED, cause: error });
  context.log.error(
    { err: error, [field.requestId]: context.requestId, [field.method]: context.method },
    "A call failed for a reason that nobody foresaw.",
  );
  if (error instanceof ProblemError) return error;
  return new ProblemError({
    code: commonErrors.WF_INTERNAL,
    detail: "an unexpected failure; the log of the control plane has the cause under this request id",
    cause: error,
  });
}

// Every visit begins like this: nobody showed a credential, so none was refused.
function isOnlySignedOut(problem: ProblemError): boolean {
  return problem.code === commonErrors.WF_UNAUTHENTICATED && problem.detail === problem.code.title;
}

function isAbort(error: unknown): boolean {
  return error instanceof Error && (error.name === "AbortError" || error.name === "TimeoutError");
}
