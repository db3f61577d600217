// Prints proto/src/gen/rest-client.ts: the JSON shapes of every message that the REST API speaks and one table row per
// method. The small hand-written runtime in proto/src/client turns the rows into calls.
import {
  createFileRegistry,
  fromBinary,
  getOption,
  hasOption,
  type DescEnum,
  type DescField,
  type DescMessage,
  type DescMethod,
  type FileRegistry,
} from "@bufbuild/protobuf";
import type { GenExtension } from "@bufbuild/protobuf/codegenv2";
import { FileDescriptorSetSchema, type MethodOptions } from "@bufbuild/protobuf/wkt";

const WELL_KNOWN: Record<string, string> = {
  "google.protobuf.Timestamp": "string",
  "google.protobuf.Duration": "string",
  "google.protobuf.FieldMask": "string",
  "google.protobuf.Struct": "JsonObject",
  "google.protobuf.Value": "unknown",
  "google.protobuf.Empty": "Record<string, never>",
};
// Numbers of google.protobuf.FieldDescriptorProto.Type: 64-bit integers are JSON strings, bytes are base64.
const SCALAR: Record<number, string> = {
  1: "number",
  2: "number",
  3: "string",
  4: "string",
  5: "number",
  6: "string",
  7: "number",
  8: "boolean",
  9: "string",
  12: "string",
  13: "number",
  15: "number",
  16: "string",
  17: "number",
  18: "string",
};

interface HttpRule {
  pattern: { case: string | undefined; value: unknown };
  body: string;
}

function httpRule(
  registry: FileRegistry,
  method: DescMethod,
): { verb: string; path: string; body: string } | undefined {
  const extension = registry.getExtension("google.api.http");
  const option = extension as unknown as GenExtension<MethodOptions, HttpRule>;
  if (!hasOption(method, option)) return undefined;
  const rule = getOption(method, option);
  return { verb: String(rule.pattern.case).toUpperCase(), path: String(rule.pattern.value), body: rule.body };
}

const shortName = (descriptor: DescMessage | DescEnum): string => descriptor.typeName.split(".").slice(3).join("_");

class ShapePrinter {
  readonly #printed = new Map<string, string>();

  get text(): string {
    return [...this.#printed.entries()]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([, text]) => text)
      .join("\n");
  }

  messageType(message: DescMessage): string {
    const known = WELL_KNOWN[message.typeName];
    if (known !== undefined) return known;
    const name = shortName(message);
    if (!this.#printed.has(name)) {
      this.#printed.set(name, "");
      const fields = message.fields.map((field) => `  ${field.jsonName}?: ${this.#fieldType(field)} | undefined;`);
      const lines = [`export interface ${name} {`, ...fields, "}", ""];
      this.#printed.set(name, lines.join("\n"));
    }
    return name;
  }

  #enumType(descriptor: DescEnum): string {
    const name = shortName(descriptor);
    const values = descriptor.values.map((value) => JSON.stringify(value.name));
    this.#printed.set(name, `export type ${name} = ${values.join(" | ")};\n`);
    return name;
  }

  #fieldType(field: DescField): string {
    const one = (value: {
      message?: DescMessage | undefined;
      enum?: DescEnum | undefined;
      scalar?: number | undefined;
    }): string => {
      if (value.message !== undefined) return this.messageType(value.message);
      if (value.enum !== undefined) return this.#enumType(value.enum);
      return SCALAR[value.scalar ?? 0] ?? "unknown";
    };
    if (field.fieldKind === "list") return `${one(field)}[]`;
    if (field.fieldKind === "map") return `Record<string, ${one(field)}>`;
    return one(field);
  }
}

/**
 * TypeScript text of the REST client's table for all services of `windflow.api.v1`.
 * @param imageBytes FileDescriptorSet as `buf build` writes it.
 */
export function printRestClient(imageBytes: Uint8Array): string {
  const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, imageBytes));
  const shapes = new ShapePrinter();
  const rows: string[] = [];
  const services: string[] = [];
  for (const file of registry.files) {
    for (const service of file.services.filter((candidate) => candidate.typeName.startsWith("windflow.api.v1."))) {
      const key = service.name.replace(/Service$/, "");
      const property = key[0]!.toLowerCase() + key.slice(1);
      const methods: string[] = [];
      for (const method of service.methods) {
        const rule = httpRule(registry, method);
        if (rule === undefined) continue;
        const input = shapes.messageType(method.input);
        const output = shapes.messageType(method.output);
        const streams = method.methodKind === "server_streaming";
        const row = JSON.stringify({ verb: rule.verb, path: rule.path, body: rule.body, streams });
        rows.push(`  "${property}.${method.localName}": ${row},`);
        methods.push(`    ${method.localName}: ${streams ? "StreamingCall" : "UnaryCall"}<${input}, ${output}>;`);
      }
      services.push(`  ${property}: {`, ...methods, "  };");
    }
  }
  return [
    "// Generated from proto/windflow/api/v1. Do not edit.",
    'import type { MethodRow, StreamingCall, UnaryCall } from "../client/calls.ts";',
    "",
    "export type JsonObject = { [key: string]: unknown };",
    shapes.text,
    "/** Every REST method, by service and method. */",
    "export interface ApiClient {",
    ...services,
    "}",
    "",
    "export const METHOD_ROWS: Record<string, MethodRow> = {",
    ...rows,
    "};",
    "",
  ].join("\n");
}
