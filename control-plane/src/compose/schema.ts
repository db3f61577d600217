import { isNull, type MapNode, type Node, positionOf, type ScalarNode, type SeqNode } from "./node.ts";
import { errorAt, type KeyPath, type Problem } from "./problem.ts";
import { composeFile } from "./schema-model.ts";
import { suggestion } from "./schema-suggest.ts";
import type { ChoiceSchema, ListSchema, MapSchema, PlainSchema, PlainType, Schema } from "./schema-type.ts";

type Report = (problem: Problem) => void;

/** Checks a merged model against the description of every key and reports all that is wrong. */
export function checkSchema(model: MapNode, report: Report): void {
  check(model, composeFile, [], report);
}

function check(node: Node, schema: Schema, path: KeyPath, report: Report): void {
  switch (schema.kind) {
    case "any":
      return;
    case "plain":
      checkPlain(node, schema, path, report);
      return;
    case "list":
      if (node.kind === "seq") checkList(node, schema, path, report);
      else wrongKind(node, schema, path, report);
      return;
    case "map":
      if (node.kind === "map") checkMap(node, schema, path, report);
      else wrongKind(node, schema, path, report);
      return;
    case "choice":
      checkChoice(node, schema, path, report);
  }
}

function checkChoice(node: Node, schema: ChoiceSchema, path: KeyPath, report: Report): void {
  const wanted = node.kind === "scalar" ? "plain" : node.kind === "seq" ? "list" : "map";
  const forms = schema.forms.filter((form) => form.kind === wanted);
  const form = forms.find((candidate) => candidate.kind !== "plain" || fits(node, candidate));
  if (form === undefined) wrongKind(node, schema, path, report);
  else check(node, form, path, report);
}

function checkList(node: SeqNode, schema: ListSchema, path: KeyPath, report: Report): void {
  for (const [i, item] of node.items.entries()) check(item, schema.items, [...path, i], report);
  if (!schema.unique) return;
  const seen = new Set<string>();
  for (const [i, item] of node.items.entries()) {
    const form = fingerprint(item);
    if (seen.has(form)) {
      report(
        errorAt("WF_COMPOSE_SCHEMA", item.at, [...path, i], {
          what: "this item stands in the list twice",
          why: "the list is a set",
          fix: "remove one of the two",
        }),
      );
    }
    seen.add(form);
  }
}

function checkMap(node: MapNode, schema: MapSchema, path: KeyPath, report: Report): void {
  for (const [key, member] of node.entries) {
    const below = [...path, key];
    const described = Object.hasOwn(schema.keys, key) ? schema.keys[key] : undefined;
    if (described !== undefined) check(member, described, below, report);
    else if (schema.extensions && key.startsWith("x-")) continue;
    else if (schema.others !== undefined && (schema.keyPattern?.test(key) ?? false)) {
      check(member, schema.others, below, report);
    } else if (!schema.open) report(unknownKey(member, key, schema, below));
  }
  for (const key of schema.required) {
    if (node.entries.has(key)) continue;
    report(
      errorAt("WF_COMPOSE_SCHEMA", positionOf(node), path, {
        what: `the key "${key}" is missing`,
        why: "nothing here has a meaning without it",
        fix: `add ${key}`,
      }),
    );
  }
}

function unknownKey(member: Node, key: string, schema: MapSchema, path: KeyPath): Problem {
  if (schema.others !== undefined) {
    return errorAt("WF_COMPOSE_SCHEMA", positionOf(member), path, {
      what: `"${key}" is not a valid name`,
      why: "a name has letters, digits, dots, underscores and hyphens only",
      fix: "choose another name",
    });
  }
  const similar = suggestion(key, Object.keys(schema.keys));
  return errorAt("WF_COMPOSE_SCHEMA", positionOf(member), path, {
    what: `the key "${key}" is not known here`,
    why: "the Compose specification does not define it, so it would have no effect",
    fix: similar === undefined ? "remove it, or begin it with x-" : `did you mean "${similar}"?`,
  });
}

function checkPlain(node: Node, schema: PlainSchema, path: KeyPath, report: Report): void {
  if (node.kind !== "scalar" || !fits(node, schema)) {
    wrongKind(node, schema, path, report);
    return;
  }
  const { value } = node;
  if (typeof value === "number" && outOfRange(value, schema)) {
    report(
      errorAt("WF_COMPOSE_SCHEMA", positionOf(node), path, {
        what: `${value} is out of range`,
        why: `the value lies between ${schema.minimum} and ${schema.maximum === Infinity ? "any size" : schema.maximum}`,
        fix: "choose a value in the range",
      }),
    );
  }
}

function outOfRange(value: number, { minimum, maximum }: PlainSchema): boolean {
  return value < (minimum ?? -Infinity) || value > (maximum ?? Infinity);
}

function fits(node: Node, schema: PlainSchema): boolean {
  if (node.kind !== "scalar") return false;
  if (!schema.types.some((type) => hasType(node, type))) return false;
  if (node.type !== "string") return true;
  const value = String(node.value);
  if (schema.values !== undefined && !schema.values.includes(value)) return false;
  return schema.pattern?.test(value) ?? true;
}

function hasType(node: ScalarNode, type: PlainType): boolean {
  switch (type) {
    case "string":
      return node.type === "string";
    case "boolean":
      return node.type === "bool";
    case "null":
      return isNull(node);
    case "number":
      return node.type === "int" || node.type === "float";
    case "integer":
      return node.type === "int" || (node.type === "float" && Number.isInteger(node.value));
  }
}

const TYPE_NOUNS: Readonly<Record<PlainType, string>> = {
  string: "text",
  number: "a number",
  integer: "a whole number",
  boolean: "true or false",
  null: "nothing",
};

function wrongKind(node: Node, schema: Schema, path: KeyPath, report: Report): void {
  const wanted = describe(schema);
  report(
    errorAt("WF_COMPOSE_SCHEMA", positionOf(node), path, {
      what: `${nounOf(node)} stands where ${wanted} belongs`,
      why: "the Compose specification gives this key that form",
      fix: node.kind === "scalar" && wanted === "text" ? "put the value in quotes" : `write ${wanted}`,
    }),
  );
}

function describe(schema: Schema): string {
  switch (schema.kind) {
    case "any":
      return "anything";
    case "list":
      return "a list";
    case "map":
      return "a map";
    case "plain":
      if (schema.values !== undefined) return `one of ${schema.values.join(", ")}`;
      if (schema.pattern !== undefined) return `text of the form ${schema.pattern.source}`;
      return schema.types.map((type) => TYPE_NOUNS[type]).join(" or ");
    case "choice":
      return schema.forms.map(describe).join(" or ");
  }
}

function nounOf(node: Node): string {
  if (node.kind !== "scalar") return node.kind === "map" ? "a map" : "a list";
  switch (node.type) {
    case "string":
      return `the text "${String(node.value).slice(0, 40)}"`;
    case "null":
      return "nothing";
    case "timestamp":
      return `the date ${String(node.value)}`;
    case "int":
    case "float":
    case "bool":
      return `the value ${String(node.value)}`;
  }
}

/** Equal texts for equal values, whatever the order of their keys. */
function fingerprint(node: Node): string {
  if (node.kind === "seq") return `[${node.items.map(fingerprint).join(",")}]`;
  if (node.kind === "map") {
    const members = [...node.entries].map(([key, member]) => `${JSON.stringify(key)}:${fingerprint(member)}`);
    return `{${members.toSorted().join(",")}}`;
  }
  return typeof node.value === "bigint" ? `${node.value}` : JSON.stringify(node.value);
}
