import { MAX_INTERPOLATED_LENGTH, MAX_INTERPOLATION_DEPTH } from "./limits.ts";

export interface Lookup {
  /** The value of a variable; undefined when it is not set. */
  readonly get: (name: string) => string | undefined;
  /** Told of a variable that is neither set nor has a default; its text becomes empty. */
  readonly missing?: (name: string) => void;
}

/** Why a text cannot be interpolated; `required` carries the message that the author wrote behind `?`. */
export class InterpolationError extends Error {
  readonly reason: "syntax" | "required" | "limit";
  constructor(reason: InterpolationError["reason"], message: string) {
    super(message);
    this.name = "InterpolationError";
    this.reason = reason;
  }
}

const NAME = /[_a-zA-Z][_a-zA-Z0-9]*/y;
const OPERATOR = /:?[-+?]/y;

/**
 * Puts variables into a text as docker compose does: `$VAR`, `${VAR}`, `${VAR:-default}`, `${VAR-default}`, `${VAR:+alternative}`,
 * `${VAR+alternative}`, `${VAR:?message}`, `${VAR?message}`, nested defaults, and `$$` for a dollar sign. A `$` before anything else stays.
 * @throws InterpolationError
 */
export function interpolateText(text: string, lookup: Lookup, depth = 0): string {
  if (!text.includes("$")) return text;
  if (depth > MAX_INTERPOLATION_DEPTH) {
    throw new InterpolationError("limit", `variables are nested deeper than ${MAX_INTERPOLATION_DEPTH}`);
  }
  let result = "";
  let position = 0;
  let line = lineAt(text, 0);
  while (position < text.length) {
    const dollar = text.indexOf("$", position);
    if (dollar === -1) break;
    result += text.slice(position, dollar);
    if (dollar > line.end) line = lineAt(text, dollar);
    const { value, end } = reference(text, dollar, line, lookup, depth);
    result += value;
    position = end;
    if (result.length > MAX_INTERPOLATED_LENGTH) {
      throw new InterpolationError("limit", `the text grows beyond ${MAX_INTERPOLATED_LENGTH} characters`);
    }
  }
  return result + text.slice(position);
}

interface Replacement {
  readonly value: string;
  readonly end: number;
}

interface Line {
  readonly end: number;
  readonly lastBrace: number;
}

// A default never reaches past its line. Looked up once a line, or a long line of many references would take quadratic time.
function lineAt(text: string, index: number): Line {
  const newline = text.indexOf("\n", index);
  const end = newline === -1 ? text.length : newline;
  return { end, lastBrace: text.lastIndexOf("}", end) };
}

function reference(text: string, dollar: number, line: Line, lookup: Lookup, depth: number): Replacement {
  const next = text[dollar + 1];
  if (next === "$") return { value: "$", end: dollar + 2 };
  if (next === "{") return braced(text, dollar, line.lastBrace, lookup, depth);
  const name = matchAt(NAME, text, dollar + 1);
  if (name === "") return { value: "$", end: dollar + 1 };
  return { value: plainValue(name, lookup), end: dollar + 1 + name.length };
}

function braced(text: string, dollar: number, lastBrace: number, lookup: Lookup, depth: number): Replacement {
  const name = matchAt(NAME, text, dollar + 2);
  const afterName = dollar + 2 + name.length;
  if (name !== "" && text[afterName] === "}") {
    return { value: plainValue(name, lookup), end: afterName + 1 };
  }
  const operator = name === "" ? "" : matchAt(OPERATOR, text, afterName);
  const start = afterName + operator.length;
  if (operator === "" || lastBrace < start) {
    throw new InterpolationError("syntax", `invalid reference in "${excerpt(text, dollar)}"`);
  }
  const close = closingBrace(text, dollar, lastBrace);
  const argument = text.slice(start, close);
  return { value: applyOperator(name, operator, argument, lookup, depth), end: close + 1 };
}

// docker compose looks past the character behind each opening brace, so `{}` in a default does not balance there; then the reference
// reaches to the last brace of the line. The same must come out here.
function closingBrace(text: string, dollar: number, lastBrace: number): number {
  let open = 0;
  for (let i = dollar; i <= lastBrace; i++) {
    if (text[i] === "}" && --open === 0) return i;
    if (text[i] === "{") {
      open++;
      i++;
    }
  }
  return lastBrace;
}

// The default or message is read whether it is used or not: docker compose refuses what is wrong in it, and warns of what is not set.
function applyOperator(name: string, operator: string, argument: string, lookup: Lookup, depth: number): string {
  const expanded = interpolateText(argument, lookup, depth + 1);
  const value = lookup.get(name);
  const present = value !== undefined && (operator.length === 1 || value !== "");
  switch (operator.at(-1)) {
    case "-":
      return present ? value : expanded;
    case "+":
      return present ? expanded : (value ?? "");
    default:
      if (present) return value;
      throw new InterpolationError("required", expanded === "" ? name : `${name}: ${expanded}`);
  }
}

function plainValue(name: string, lookup: Lookup): string {
  const value = lookup.get(name);
  if (value === undefined) lookup.missing?.(name);
  return value ?? "";
}

function matchAt(pattern: RegExp, text: string, index: number): string {
  pattern.lastIndex = index;
  return pattern.exec(text)?.[0] ?? "";
}

const EXCERPT_LENGTH = 40;

function excerpt(text: string, from: number): string {
  const piece = text.slice(from, from + EXCERPT_LENGTH);
  return from + EXCERPT_LENGTH < text.length ? `${piece}…` : piece;
}
