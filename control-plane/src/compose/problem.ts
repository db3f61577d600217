/** Codes of what can be wrong with Compose input; each keeps its meaning for ever. */
export const COMPOSE_PROBLEM_CODES = [
  "WF_COMPOSE_YAML",
  "WF_COMPOSE_LIMIT",
  "WF_COMPOSE_INTERPOLATION",
  "WF_COMPOSE_SCHEMA",
  "WF_COMPOSE_SYNTAX",
  "WF_COMPOSE_MERGE",
  "WF_COMPOSE_EXTENDS",
  "WF_COMPOSE_INCLUDE",
  "WF_COMPOSE_MISSING_FILE",
  "WF_COMPOSE_ENV_FILE",
  "WF_COMPOSE_REFERENCE",
  "WF_COMPOSE_CYCLE",
  "WF_COMPOSE_CONFLICT",
  "WF_COMPOSE_PROJECT_NAME",
  "WF_COMPOSE_UNDEPLOYABLE",
  "WF_COMPOSE_UNSET_VARIABLE",
  "WF_COMPOSE_OBSOLETE",
  "WF_COMPOSE_NO_EFFECT",
  "WF_COMPOSE_WRITABLE_FILES",
] as const;

export type ComposeProblemCode = (typeof COMPOSE_PROBLEM_CODES)[number];

/** A place in a file as people count: line and column start at 1. */
export interface Position {
  /** The path under which the file was handed in. */
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

/** Keys and list indices from the top of the model down. */
export type KeyPath = readonly (string | number)[];

export interface Problem extends Position {
  readonly severity: "error" | "warning";
  readonly code: ComposeProblemCode;
  /** As people write it: `services.web.ports[0].target`; empty for the file as a whole. */
  readonly keyPath: string;
  readonly what: string;
  readonly why: string;
  readonly fix: string;
}

export interface Explanation {
  readonly what: string;
  readonly why: string;
  readonly fix: string;
}

/** Reports an error at the place where a path of the model was written. */
export type Refuse = (code: ComposeProblemCode, path: KeyPath, explanation: Explanation) => void;

/** Ends a rendering: nothing after it could be trusted. */
export class ComposeFailure extends Error {
  readonly problem: Problem;
  constructor(problem: Problem) {
    super(problem.what);
    this.name = "ComposeFailure";
    this.problem = problem;
  }
}

export function errorAt(code: ComposeProblemCode, at: Position, path: KeyPath, explanation: Explanation): Problem {
  return assemble("error", code, at, path, explanation);
}

export function warningAt(code: ComposeProblemCode, at: Position, path: KeyPath, explanation: Explanation): Problem {
  return assemble("warning", code, at, path, explanation);
}

export function fail(code: ComposeProblemCode, at: Position, path: KeyPath, explanation: Explanation): never {
  throw new ComposeFailure(errorAt(code, at, path, explanation));
}

export function formatKeyPath(path: KeyPath): string {
  let text = "";
  for (const part of path) {
    text += typeof part === "number" ? `[${part}]` : text === "" ? part : `.${part}`;
  }
  return text;
}

function assemble(
  severity: Problem["severity"],
  code: ComposeProblemCode,
  { file, line, column }: Position,
  path: KeyPath,
  { what, why, fix }: Explanation,
): Problem {
  return { severity, code, file, line, column, keyPath: formatKeyPath(path), what, why, fix };
}
