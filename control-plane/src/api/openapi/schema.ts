import {
  getOption,
  hasOption,
  ScalarType,
  type DescEnum,
  type DescField,
  type DescMessage,
  type FileRegistry,
} from "@bufbuild/protobuf";
import type { GenExtension } from "@bufbuild/protobuf/codegenv2";
import type { FieldOptions } from "@bufbuild/protobuf/wkt";
import { commentOf } from "./comments.ts";
import { constraintsOf, type FieldRules } from "./constraints.ts";

export type JsonSchema = Readonly<Record<string, unknown>>;

/** Schemas of messages, collected as they are referred to. */
export interface Schemas {
  /** A reference to the message, or the schema itself of the well-known ones. */
  refer(type: DescMessage | DescEnum): JsonSchema;
  ofField(field: DescField): JsonSchema;
  isRequired(field: DescField): boolean;
  /** `components.schemas` of everything that was referred to. */
  collected(): Record<string, JsonSchema>;
}

const WELL_KNOWN: Record<string, JsonSchema> = {
  "google.protobuf.Timestamp": { type: "string", format: "date-time" },
  "google.protobuf.Duration": { type: "string", pattern: String.raw`^-?[0-9]+(\.[0-9]+)?s$` },
  "google.protobuf.FieldMask": { type: "string" },
  "google.protobuf.Struct": { type: "object" },
  "google.protobuf.Value": {},
  "google.protobuf.ListValue": { type: "array" },
  "google.protobuf.Empty": { type: "object" },
  "google.protobuf.Any": { type: "object" },
};

function scalarSchema(type: ScalarType): JsonSchema {
  switch (type) {
    case ScalarType.DOUBLE:
    case ScalarType.FLOAT:
      return { type: "number" };
    case ScalarType.BOOL:
      return { type: "boolean" };
    case ScalarType.STRING:
      return { type: "string" };
    case ScalarType.BYTES:
      return { type: "string", contentEncoding: "base64" };
    case ScalarType.INT32:
    case ScalarType.SINT32:
    case ScalarType.SFIXED32:
      return { type: "integer", format: "int32" };
    case ScalarType.UINT32:
    case ScalarType.FIXED32:
      return { type: "integer", format: "uint32", minimum: 0 };
    case ScalarType.INT64:
    case ScalarType.SINT64:
    case ScalarType.SFIXED64:
      return { type: "string", format: "int64" };
    case ScalarType.UINT64:
    case ScalarType.FIXED64:
      return { type: "string", format: "uint64" };
    default:
      return type satisfies never;
  }
}

export function createSchemas(registry: FileRegistry): Schemas {
  const schemas = new Map<string, JsonSchema>();
  const extension = registry.getExtension("buf.validate.field") as unknown as
    | GenExtension<FieldOptions, FieldRules>
    | undefined;

  const rulesOf = (field: DescField): FieldRules | undefined =>
    extension !== undefined && hasOption(field, extension) ? getOption(field, extension) : undefined;

  function refer(type: DescMessage | DescEnum): JsonSchema {
    const known = WELL_KNOWN[type.typeName];
    if (known !== undefined) return known;
    if (!schemas.has(type.typeName)) {
      // First a place for it: messages refer to each other in circles.
      schemas.set(type.typeName, {});
      schemas.set(type.typeName, type.kind === "enum" ? enumSchema(type) : messageSchema(type));
    }
    return { $ref: `#/components/schemas/${type.typeName}` };
  }

  function enumSchema(type: DescEnum): JsonSchema {
    return described({ type: "string", enum: type.values.map((value) => value.name) }, commentOf(type));
  }

  function messageSchema(type: DescMessage): JsonSchema {
    const required = type.fields.filter(isRequired).map((field) => field.jsonName);
    const schema = {
      type: "object",
      properties: Object.fromEntries(type.fields.map((field) => [field.jsonName, ofField(field)])),
      ...(required.length > 0 ? { required } : {}),
      additionalProperties: false,
    };
    return described(schema, commentOf(type));
  }

  function ofField(field: DescField): JsonSchema {
    return described(bare(field, rulesOf(field)), commentOf(field));
  }

  function bare(field: DescField, rules: FieldRules | undefined): JsonSchema {
    const own = constraintsOf(rules);
    switch (field.fieldKind) {
      case "scalar":
        return { ...scalarSchema(field.scalar), ...own };
      case "enum":
        return refer(field.enum);
      case "message":
        return refer(field.message);
      case "list":
        return { type: "array", items: { ...element(field), ...constraintsOf(rules?.type.value?.items) }, ...own };
      case "map":
        return {
          type: "object",
          additionalProperties: { ...element(field), ...constraintsOf(rules?.type.value?.values) },
          ...own,
        };
      default:
        return field satisfies never;
    }
  }

  function element(field: Extract<DescField, { fieldKind: "list" | "map" }>): JsonSchema {
    if (field.message !== undefined) return refer(field.message);
    if (field.enum !== undefined) return refer(field.enum);
    return scalarSchema(field.scalar);
  }

  const isRequired = (field: DescField): boolean => rulesOf(field)?.required === true;
  return {
    refer,
    ofField,
    isRequired,
    collected: () => Object.fromEntries([...schemas].sort(([a], [b]) => (a < b ? -1 : 1))),
  };
}

function described(schema: JsonSchema, description: string | undefined): JsonSchema {
  return description === undefined ? schema : { ...schema, description };
}
