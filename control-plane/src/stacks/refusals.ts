import { mayDo, ProblemError, type Caller, type Violation } from "../platform/index.ts";
import { stacksErrors } from "./errors.ts";
import type { StoredProblem } from "./model.ts";
import { missingBuildProblem, type MissingBuild, type PreparedRevision } from "./prepare.ts";

export function invalidSource(problems: readonly StoredProblem[]): ProblemError {
  const errors = problems.filter((problem) => problem.severity === "error");
  const first = errors[0];
  const detail = first === undefined ? undefined : `${first.file}:${first.line}:${first.column}: ${first.what}`;
  const violations = errors.map(violationOf);
  return new ProblemError({
    code: stacksErrors.WF_STACK_INVALID,
    violations,
    ...(detail === undefined ? {} : { detail }),
  });
}

export function buildNeeded(missing: readonly MissingBuild[]): ProblemError {
  const services = missing.map(({ service }) => service).join(", ");
  return new ProblemError({
    code: stacksErrors.WF_BUILD_NEEDED,
    detail: `not built from this source: ${services}`,
    violations: missing.map((one) => violationOf(missingBuildProblem(one))),
  });
}

export function requirePrivilege(caller: Caller, { privileged }: PreparedRevision): void {
  if (privileged.length === 0 || mayDo(caller, "stacks.deploy.privileged")) return;
  const violations = privileged.map((use) => ({
    path: `services.${use.service}.${use.key}`,
    message: `${use.value}: ${use.why}`,
  }));
  throw new ProblemError({ code: stacksErrors.WF_STACK_PRIVILEGED, violations });
}

function violationOf(problem: StoredProblem): Violation {
  const text = [problem.what, problem.why, problem.fix].filter((part) => part !== "").join(". ");
  const path = [problem.file, problem.keyPath].filter((part) => part !== "").join(": ");
  return {
    path,
    message: `${problem.code}: ${text}`,
    ...(problem.line > 0 ? { line: problem.line, column: problem.column } : {}),
  };
}
