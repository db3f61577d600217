import { compareBytes } from "../digest/canonical-json.ts";

/**
 * How Go's encoding/json orders a value's members. docker compose hashes these bytes, so the order is part of its formula:
 * a struct in the order of its declaration, a map by the bytes of its keys.
 */
export type GoShape =
  | { readonly kind: "plain" }
  | { readonly kind: "list"; readonly of: GoShape }
  | { readonly kind: "map"; readonly of: GoShape }
  | { readonly kind: "struct"; readonly fields: readonly (readonly [key: string, shape: GoShape])[] };

export const plain: GoShape = { kind: "plain" };

export function listOf(of: GoShape): GoShape {
  return { kind: "list", of };
}

export function mapOf(of: GoShape): GoShape {
  return { kind: "map", of };
}

/** Each field is `name` (a plain value) or `[name, shape]`. */
export function struct(...fields: readonly (string | readonly [string, GoShape])[]): GoShape {
  return {
    kind: "struct",
    fields: fields.map((field) => (typeof field === "string" ? [field, plain] : field)),
  };
}

/** The bytes that Go would write for a value of this shape. Absent members are absent; a member that the shape does not know is left out. */
export function goJson(value: unknown, shape: GoShape): string {
  if (shape.kind === "list" && Array.isArray(value)) {
    return `[${value.map((item) => goJson(item, shape.of)).join(",")}]`;
  }
  if (typeof value === "object" && value !== null && !Array.isArray(value)) {
    const members = new Map(Object.entries(value));
    if (shape.kind === "map") {
      const keys = [...members.keys()].toSorted(compareBytes);
      return object(keys.map((key) => [key, members.get(key), shape.of]));
    }
    if (shape.kind === "struct") {
      return object(
        shape.fields.filter(([key]) => members.get(key) !== undefined).map(([key, of]) => [key, members.get(key), of]),
      );
    }
  }
  return escaped(JSON.stringify(value));
}

function object(members: readonly (readonly [string, unknown, GoShape])[]): string {
  return `{${members.map(([key, value, of]) => `${escaped(JSON.stringify(key))}:${goJson(value, of)}`).join(",")}}`;
}

// Go makes JSON safe to embed in HTML, and spells two control characters differently from JavaScript.
function escaped(json: string): string {
  return json
    .replace(/[<>&\u2028\u2029]/g, (character) => {
      return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
    })
    .replace(/\\[bf]|\\./g, (pair) => (pair === "\\b" ? "\\u0008" : pair === "\\f" ? "\\u000c" : pair));
}
