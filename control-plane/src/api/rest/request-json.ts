import { ScalarType, type DescField, type DescMessage, type JsonObject, type JsonValue } from "@bufbuild/protobuf";
import type { Violation } from "../../platform/index.ts";
import type { HttpRule } from "../catalog.ts";
import { invalid } from "../messages.ts";

export interface RestInput {
  body: unknown;
  query: Readonly<Record<string, unknown>>;
  params: Readonly<Record<string, string>>;
}

/**
 * Puts path, query and body together as the JSON form of the request message. The path wins over the body.
 * Throws WF_INVALID_ARGUMENT for a query parameter that the message does not have.
 */
export function requestJson(type: DescMessage, rule: HttpRule, input: RestInput): JsonObject {
  const json: JsonObject = {};
  if (rule.body === "*") Object.assign(json, requireObject(input.body));
  else if (rule.body !== "") json[rule.body] = (input.body ?? null) as JsonValue;
  if (rule.body !== "*") addQuery(type, json, input.query);
  for (const [name, value] of Object.entries(input.params)) {
    const field = type.fields.find((one) => one.name === name);
    if (field === undefined) continue;
    // Both spellings are allowed in JSON; one of them twice is an error there.
    delete json[field.name];
    json[field.jsonName] = value;
  }
  return json;
}

function requireObject(body: unknown): JsonObject {
  if (body === undefined || body === null) return {};
  if (typeof body === "object" && !Array.isArray(body)) return body as JsonObject;
  throw invalid([{ path: "", message: "the body must be a JSON object" }]);
}

function addQuery(type: DescMessage, json: JsonObject, query: Readonly<Record<string, unknown>>): void {
  const violations: Violation[] = [];
  for (const [name, value] of Object.entries(query)) {
    const problem = addParameter(type, json, name, value);
    if (problem !== undefined) violations.push({ path: name, message: problem });
  }
  if (violations.length > 0) throw invalid(violations);
}

/** Adds `page.size=10` as `{page: {size: "10"}}`; answers what is wrong with it. Only names of fields become keys. */
function addParameter(type: DescMessage, json: JsonObject, name: string, value: unknown): string | undefined {
  const steps = name.split(".");
  let message: DescMessage | undefined = type;
  let target = json;
  for (const [index, step] of steps.entries()) {
    const field: DescField | undefined = message?.fields.find((one) => one.name === step || one.jsonName === step);
    if (field === undefined) return "there is no such parameter";
    if (index === steps.length - 1) {
      const converted = convert(field, value);
      if (converted === undefined) return "this field cannot be given in the address";
      target[field.jsonName] = converted;
      return undefined;
    }
    message = field.fieldKind === "message" ? field.message : undefined;
    const next = target[field.jsonName];
    target = typeof next === "object" && next !== null && !Array.isArray(next) ? next : (target[field.jsonName] = {});
  }
  return undefined;
}

function convert(field: DescField, value: unknown): JsonValue | undefined {
  if (field.fieldKind === "map") return undefined;
  if (field.fieldKind === "list") {
    const items = Array.isArray(value) ? value : [value];
    return items.map((item) => scalar(field.scalar, String(item)));
  }
  if (Array.isArray(value)) return undefined;
  if (field.fieldKind === "message") return WRITTEN_AS_TEXT.has(field.message.typeName) ? String(value) : undefined;
  return scalar(field.scalar, String(value));
}

const WRITTEN_AS_TEXT = new Set(["google.protobuf.Timestamp", "google.protobuf.Duration", "google.protobuf.FieldMask"]);

function scalar(type: ScalarType | undefined, text: string): JsonValue {
  if (type !== ScalarType.BOOL) return text;
  // Anything else stays text and is refused by the JSON reader with the name of the field.
  return text === "true" ? true : text === "false" ? false : text;
}
