import {
  fromBinary,
  fromJson,
  toBinary,
  toJson,
  type DescMessage,
  type JsonValue,
  type Message,
} from "@bufbuild/protobuf";
import type { Path } from "@bufbuild/protobuf/reflect";
import { createValidator } from "@bufbuild/protovalidate";
import { commonErrors, ProblemError, type Violation } from "../platform/index.ts";
import type { Catalog } from "./catalog.ts";

/** Messages between their two encodings, checked against the rules of the protos. Both doors use the same. */
export interface Messages {
  /** Throws WF_INVALID_ARGUMENT with the violated rules. */
  validate(type: DescMessage, bytes: Uint8Array): Message;
  /** JSON to bytes. Throws WF_INVALID_ARGUMENT for unknown fields, wrong types and violated rules. */
  encode(type: DescMessage, json: JsonValue): { message: Message; bytes: Uint8Array };
  decode(type: DescMessage, bytes: Uint8Array): JsonValue;
}

export function createMessages(catalog: Catalog): Messages {
  const registry = catalog.registry;
  const validator = createValidator({ registry });

  function requireValid(type: DescMessage, message: Message): void {
    const result = validator.validate(type, message);
    if (result.kind === "valid") return;
    if (result.kind === "error") throw result.error;
    const violations = result.violations.map((one): Violation => ({ path: pathOf(one.field), message: one.message }));
    throw invalid(violations);
  }

  return {
    validate(type, bytes) {
      const message = parse(() => fromBinary(type, bytes));
      requireValid(type, message);
      return message;
    },
    encode(type, json) {
      const message = parse(() => fromJson(type, json, { registry }));
      requireValid(type, message);
      return { message, bytes: toBinary(type, message) };
    },
    decode: (type, bytes) => toJson(type, fromBinary(type, bytes), { registry, alwaysEmitImplicit: true }),
  };
}

export function invalid(violations: Violation[]): ProblemError {
  const detail = violations.map((one) => (one.path === "" ? one.message : `${one.path}: ${one.message}`)).join("; ");
  return new ProblemError({ code: commonErrors.WF_INVALID_ARGUMENT, detail, violations });
}

// The parser's messages name the field and the type, never the value: `cannot decode field …Request.name from JSON: …`.
const FIELD_IN_MESSAGE = /field \S+\.(\w+) from JSON: (?:expected )?(.*)$/s;

function parse<Result>(read: () => Result): Result {
  try {
    return read();
  } catch (cause) {
    const text = cause instanceof Error ? cause.message : "it cannot be read";
    const match = FIELD_IN_MESSAGE.exec(text);
    throw invalid([{ path: match?.[1] ?? "", message: match ? `expected ${match[2] ?? "another type"}` : text }]);
  }
}

function pathOf(field: Path): string {
  let path = "";
  for (const part of field) {
    if (part.kind === "list_sub") path += `[${part.index}]`;
    else if (part.kind === "map_sub") path += `[${JSON.stringify(String(part.key))}]`;
    else path += `${path === "" ? "" : "."}${part.kind === "field" ? part.jsonName : part.name}`;
  }
  return path;
}
