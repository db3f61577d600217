/** What is wrong with one field of a request. */
export interface Violation {
  path?: string;
  line?: number;
  column?: number;
  message: string;
}

/** The problem+json body of every error. */
export interface ProblemBody {
  type: string;
  code: string;
  title: string;
  detail: string;
  fix: string;
  requestId: string;
  status: number;
  violations: Violation[];
}

/** An error that the control plane has explained, or the reason why it could not be reached (`status` 0). */
export class ApiError extends Error {
  readonly problem: ProblemBody;

  constructor(problem: Partial<ProblemBody> & { detail: string }, cause?: unknown) {
    super(problem.detail, { cause });
    this.name = "ApiError";
    this.problem = {
      type: "about:blank",
      code: "WF_UNKNOWN",
      title: "Unknown error",
      fix: "",
      requestId: "",
      status: 0,
      violations: [],
      ...problem,
    };
  }

  get code(): string {
    return this.problem.code;
  }
}
