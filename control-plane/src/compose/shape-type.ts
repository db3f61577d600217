import { formatGoDuration, parseGoDuration } from "@windflow/core";
import { asInt64, type Cast, toBoolean, toBytes, toDuration, toFloat, toInteger } from "./casts.ts";
import { isNull, type Node, positionOf } from "./node.ts";
import { errorAt, type KeyPath, type Problem, warningAt } from "./problem.ts";
import { textOf, timestampText } from "./yaml-scalar.ts";

export interface ShapeContext {
  readonly path: KeyPath;
  readonly report: (problem: Problem) => void;
}

/** Turns a node in long form into its value in the normalised model; undefined leaves the key out. */
export type Shape = (node: Node, context: ShapeContext) => unknown;

export type Fields = Readonly<Record<string, Shape>>;

function below(context: ShapeContext, part: string | number): ShapeContext {
  return { ...context, path: [...context.path, part] };
}

/** A text; left out when empty. A whole number becomes its text. */
export const text: Shape = (node, context) => plainText(node, context) || undefined;

/** A boolean that means the same as its absence when false. */
export const flag: Shape = (node, context) => booleanOf(node, context) === true || undefined;

/** A boolean that is kept when false. */
export const choiceFlag: Shape = booleanOf;

/** A whole number that means the same as its absence when zero. */
export const count: Shape = (node, context) => numberOf(node, context, toInteger) || undefined;

/** A whole number that is kept when zero. */
export const choiceCount: Shape = (node, context) => numberOf(node, context, toInteger);

// Where the conversion of a larger number to 64 bits without a sign ends.
const MAX_UNSIGNED = 2 ** 63;

/** A whole number of at least zero that is kept when zero. Text is refused: the tool reads no text into such a number. */
export const natural: Shape = (node, context) => {
  if (isNull(node)) return undefined;
  if (node.kind === "scalar" && typeof node.value === "number" && node.value >= 0) {
    return Math.min(Math.trunc(node.value), MAX_UNSIGNED);
  }
  return refuse(node, context, "a whole number of at least zero");
};

/** As {@link natural}, but left out when zero. */
export const positive: Shape = (node, context) => natural(node, context) || undefined;

/** A number of single precision; left out when zero. */
export const float32: Shape = (node, context) => {
  const value = numberOf(node, context, toFloat);
  if (value !== undefined && !Number.isFinite(value)) return refuse(node, context, "a finite number");
  return value === undefined || value === 0 ? undefined : shortestSingle(value);
};

/** A size as decimal digits; left out when zero. */
export const size: Shape = (node, context) => {
  const value = sizeOf(node, context);
  return value === undefined || value === 0 ? undefined : String(value);
};

/** A duration; kept when zero. */
export const span: Shape = (node, context) => {
  const written = scalarText(node, context, toDuration.noun);
  if (written === undefined || isNull(node)) return undefined;
  const nanoseconds = parseGoDuration(written);
  return nanoseconds === undefined ? refuse(node, context, toDuration.noun) : formatGoDuration(nanoseconds);
};

/** A file mode as octal digits with a leading zero; a text is octal, a number is what YAML made of it. */
export const fileMode: Shape = (node, context) => {
  if (node.kind !== "scalar" || isNull(node)) return undefined;
  if (node.type === "float") return refuse(node, context, "a file mode such as 0440");
  const octal = node.type === "string" && /^[0-7]+$/.test(String(node.value));
  const parsed = octal ? Number.parseInt(String(node.value), 8) : undefined;
  if (parsed !== undefined && parsed >= 2 ** 63) return refuse(node, context, "a file mode such as 0440");
  const mode = octal ? parsed : node.type === "int" ? Number(node.value) : undefined;
  if (mode === undefined) return refuse(node, context, "a file mode such as 0440");
  return `0${mode.toString(8)}`;
};

/** A list; left out when empty. */
export function listOf(item: Shape): Shape {
  return (node, context) => {
    if (isNull(node)) return undefined;
    if (node.kind !== "seq") return refuse(node, context, "a list");
    const values = node.items.map((one, i) => item(one, below(context, i)) ?? null);
    return values.length === 0 ? undefined : values;
  };
}

/** As {@link text}, but a boolean or a number with a fraction becomes its text too. */
export const anyText: Shape = (node, context) => scalarText(node, context, "text") || undefined;

const itemText: Shape = (node, context) => plainText(node, context) ?? "";

function plainText(node: Node, context: ShapeContext): string | undefined {
  if (isNull(node)) return undefined;
  if (node.kind === "scalar" && (node.type === "string" || node.type === "int")) return textOf(node);
  return refuse(node, context, "text");
}

/** A list of texts; left out when empty. */
export const texts: Shape = listOf(itemText);

/** One text or a list of them, as a list. */
export const textOrTexts: Shape = (node, context) =>
  node.kind === "scalar" && !isNull(node) ? [textOf(node)] : texts(node, context);

/** A map or a list of `key=value`; a key without a value has the empty one. Left out when empty. */
export const pairs: Shape = (node, context) => pairsOf(node, context, () => "");

/** As {@link pairs}, but a key without a value has null: the variable is removed or comes from elsewhere. */
export const variables: Shape = (node, context) => pairsOf(node, context, () => null);

/** A map of texts, where nothing is the empty text; left out when empty. */
export const namedTexts: Shape = (node, context) => {
  if (isNull(node)) return undefined;
  if (node.kind !== "map") return refuse(node, context, "a map");
  if (node.entries.size === 0) return undefined;
  return Object.fromEntries([...node.entries].map(([key, child]) => [key, itemText(child, below(context, key))]));
};

/** A map of one shape; left out when empty. A null member stays null. */
export function mapOf(member: Shape): Shape {
  return (node, context) => {
    if (isNull(node)) return undefined;
    if (node.kind !== "map") return refuse(node, context, "a map");
    if (node.entries.size === 0) return undefined;
    return Object.fromEntries(
      [...node.entries].map(([key, child]) => [
        key,
        isNull(child) ? null : (member(child, below(context, key)) ?? null),
      ]),
    );
  };
}

/** An object of described keys; `x-…` keys are not part of it. Left out when null. */
export function record(fields: Fields, always: Readonly<Record<string, unknown>> = {}): Shape {
  return (node, context) => {
    if (isNull(node)) return undefined;
    if (node.kind !== "map") return refuse(node, context, "a map");
    const values: Record<string, unknown> = { ...always };
    for (const [key, child] of node.entries) {
      const shape = Object.hasOwn(fields, key) ? fields[key] : undefined;
      const value = shape?.(child, below(context, key));
      if (value !== undefined) values[key] = value;
    }
    return values;
  };
}

/** Anything, as JSON has it. */
export const toJson: Shape = (node, context) => {
  switch (node.kind) {
    case "map":
      return Object.fromEntries([...node.entries].map(([key, child]) => [key, toJson(child, below(context, key))]));
    case "seq":
      return node.items.map((item, i) => toJson(item, below(context, i)));
    case "scalar":
      if (node.type === "timestamp") return timestampText(String(node.value));
      if (node.type === "float" && !Number.isFinite(node.value)) return refuse(node, context, "a finite number");
      return typeof node.value === "bigint" ? Number(node.value) : node.value;
  }
};

export function scalarText(node: Node, context: ShapeContext, wanted: string): string | undefined {
  if (node.kind === "scalar") return isNull(node) ? undefined : textOf(node);
  refuse(node, context, wanted);
  return undefined;
}

export function refuse(node: Node, context: ShapeContext, wanted: string): undefined {
  context.report(
    errorAt("WF_COMPOSE_SCHEMA", positionOf(node), context.path, {
      what: `${node.kind === "scalar" ? `"${textOf(node)}"` : `a ${node.kind === "seq" ? "list" : "map"}`} is not ${wanted}`,
      why: "this key takes nothing else",
      fix: `write ${wanted}`,
    }),
  );
  return undefined;
}

function booleanOf(node: Node, context: ShapeContext): boolean | undefined {
  if (node.kind !== "scalar") return refuse(node, context, toBoolean.noun);
  if (isNull(node)) return undefined;
  if (typeof node.value === "boolean") return node.value;
  const value = toBoolean.read(textOf(node));
  return typeof value === "boolean" ? value : refuse(node, context, toBoolean.noun);
}

function numberOf(node: Node, context: ShapeContext, cast: Cast): number | undefined {
  if (node.kind !== "scalar") return refuse(node, context, cast.noun);
  if (isNull(node)) return undefined;
  const value = node.type === "string" ? cast.read(String(node.value)) : node.value;
  if (typeof value === "number") return Number(cast === toInteger ? asInt64(value) : value);
  return typeof value === "bigint" ? Number(BigInt.asIntN(64, value)) : refuse(node, context, cast.noun);
}

function sizeOf(node: Node, context: ShapeContext): number | bigint | undefined {
  if (node.kind !== "scalar") return refuse(node, context, toBytes.noun);
  if (isNull(node)) return undefined;
  if (node.type === "string") {
    const bytes = toBytes.read(String(node.value));
    return typeof bytes === "number" || typeof bytes === "bigint" ? bytes : refuse(node, context, toBytes.noun);
  }
  if (node.type === "float") {
    context.report(
      warningAt("WF_COMPOSE_NO_EFFECT", positionOf(node), context.path, {
        what: `the size ${textOf(node)} has no effect`,
        why: "docker compose passes over a size that is a number with a fraction or an exponent",
        fix: `write whole bytes, or a text with a unit such as "${textOf(node)}g"`,
      }),
    );
    return undefined;
  }
  if (typeof node.value === "number" || typeof node.value === "bigint") return node.value;
  return refuse(node, context, toBytes.noun);
}

function pairsOf(node: Node, context: ShapeContext, absent: () => string | null): unknown {
  if (isNull(node)) return undefined;
  if (node.kind === "scalar") return refuse(node, context, "a map or a list");
  const pairs = new Map<string, string | null>();
  if (node.kind === "map") {
    for (const [key, child] of node.entries) {
      pairs.set(key, isNull(child) ? absent() : (scalarText(child, below(context, key), "text") ?? null));
    }
  } else {
    for (const [i, item] of node.items.entries()) {
      const line = scalarText(item, below(context, i), "text") ?? "";
      const equals = line.indexOf("=");
      pairs.set(equals === -1 ? line : line.slice(0, equals), equals === -1 ? absent() : line.slice(equals + 1));
    }
  }
  return pairs.size === 0 ? undefined : Object.fromEntries(pairs);
}

/** The shortest decimal that reads back as the same single-precision number, as Go prints it. */
function shortestSingle(value: number): number {
  const single = Math.fround(value);
  for (let digits = 1; digits <= 9; digits++) {
    const candidate = Number(single.toPrecision(digits));
    if (Math.fround(candidate) === single) return candidate;
  }
  return single;
}
