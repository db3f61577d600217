/** The part of buf.validate.FieldRules that JSON Schema can say too. */
export interface FieldRules {
  readonly required: boolean;
  readonly type: {
    readonly case?: string;
    readonly value?: {
      readonly items?: FieldRules;
      readonly values?: FieldRules;
      readonly lessThan?: Bound;
      readonly greaterThan?: Bound;
      readonly wellKnown?: { readonly case?: string };
      readonly in?: readonly unknown[];
      readonly [rule: string]: unknown;
    };
  };
}
type Bound = { readonly case?: string | undefined; readonly value?: unknown };

const BOUNDS: Record<string, string> = {
  lt: "exclusiveMaximum",
  lte: "maximum",
  gt: "exclusiveMinimum",
  gte: "minimum",
};
const FORMATS = new Set(["uuid", "email", "hostname", "uri", "ipv4", "ipv6"]);

// Names of the rules in protobuf-es, by the type of the field, and what JSON Schema calls them.
const LIMITS: Record<string, Record<string, string>> = {
  string: { minLen: "minLength", maxLen: "maxLength", pattern: "pattern" },
  repeated: { minItems: "minItems", maxItems: "maxItems" },
  map: { minPairs: "minProperties", maxPairs: "maxProperties" },
};

export function constraintsOf(rules: FieldRules | undefined): Record<string, unknown> {
  const { case: kind, value } = rules?.type ?? {};
  if (kind === undefined || value === undefined) return {};
  const schema: Record<string, unknown> = {};
  for (const [rule, name] of Object.entries(LIMITS[kind] ?? {})) {
    const limit = plain(value[rule]);
    if (limit !== undefined) schema[name] = limit;
  }
  for (const bound of [value.lessThan, value.greaterThan]) {
    const name = BOUNDS[bound?.case ?? ""];
    if (name !== undefined) schema[name] = Number(bound?.value);
  }
  const format = value.wellKnown?.case;
  if (format !== undefined && FORMATS.has(format)) schema["format"] = format;
  if (value.in !== undefined && value.in.length > 0) schema["enum"] = [...value.in];
  return schema;
}

/** A rule that is not set reads as zero or empty. */
function plain(value: unknown): number | string | undefined {
  if (typeof value === "bigint") return value === 0n ? undefined : Number(value);
  return typeof value === "string" && value !== "" ? value : undefined;
}
