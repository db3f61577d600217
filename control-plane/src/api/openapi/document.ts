import type { DescField, DescMessage } from "@bufbuild/protobuf";
import type { Access, Catalog, CatalogMethod, HttpRule } from "../catalog.ts";
import { restPath } from "../rest/path.ts";
import { commentOf } from "./comments.ts";
import { createSchemas, type JsonSchema, type Schemas } from "./schema.ts";

const PROBLEM: JsonSchema = {
  type: "object",
  description: "Every error. `code` is what programs match on; docs/errors.md lists all of them.",
  required: ["type", "status", "code", "title", "detail", "fix", "requestId", "violations"],
  properties: {
    type: { type: "string" },
    status: { type: "integer" },
    code: { type: "string" },
    title: { type: "string" },
    detail: { type: "string" },
    fix: { type: "string" },
    requestId: { type: "string" },
    violations: {
      type: "array",
      items: {
        type: "object",
        properties: {
          path: { type: "string" },
          line: { type: "integer" },
          column: { type: "integer" },
          message: { type: "string" },
        },
      },
    },
  },
};

/** The OpenAPI 3.1 description of every method that has an HTTP rule, made from the protos alone. */
export function openApiDocument(catalog: Catalog, version: string): Record<string, unknown> {
  const schemas = createSchemas(catalog.registry);
  const paths: Record<string, Record<string, unknown>> = {};
  const tags = new Map<string, string>();
  for (const method of catalog.methods.values()) {
    if (method.http === undefined) continue;
    const service = method.descriptor.parent;
    tags.set(service.name, commentOf(service) ?? "");
    const { template } = restPath(method.http.path);
    (paths[template] ??= {})[method.http.verb.toLowerCase()] = operation(method, method.http, schemas);
  }
  return {
    openapi: "3.1.0",
    info: {
      title: "WindFlow",
      version,
      description: "The same API that the web application uses. It is also served as gRPC on this port.",
    },
    tags: [...tags].map(([name, description]) => ({ name, description })),
    security: [{ apiToken: [] }, { session: [] }],
    paths,
    components: {
      schemas: { ...schemas.collected(), Problem: PROBLEM },
      securitySchemes: {
        apiToken: { type: "http", scheme: "bearer" },
        session: { type: "apiKey", in: "cookie", name: "__Host-windflow" },
      },
    },
  };
}

const IDEMPOTENCY_HEADER = {
  name: "Idempotency-Key",
  in: "header",
  required: false,
  description: "Within 24 hours, the same key with the same request gets the first answer again.",
  schema: { type: "string", minLength: 1, maxLength: 200 },
};
const RESUME_HEADER = {
  name: "Last-Event-ID",
  in: "header",
  required: false,
  description: "Go on after this event.",
  schema: { type: "string" },
};

function operation(method: CatalogMethod, rule: HttpRule, schemas: Schemas): Record<string, unknown> {
  const { descriptor, access } = method;
  const streams = descriptor.methodKind === "server_streaming";
  const output = schemas.refer(descriptor.output);
  const body = bodySchema(descriptor.input, rule, schemas);
  const comment = commentOf(descriptor);
  return {
    operationId: `${descriptor.parent.name}_${descriptor.name}`,
    tags: [descriptor.parent.name],
    summary: comment?.split(/(?<=\.) /)[0] ?? descriptor.name,
    description: [comment, accessText(access)].filter((text) => text !== undefined).join("\n\n"),
    ...(access?.rule === "public" ? { security: [] } : {}),
    parameters: [...parameters(descriptor.input, rule, schemas), ...(streams ? [RESUME_HEADER] : [])],
    ...(body === undefined
      ? {}
      : { requestBody: { required: true, content: { "application/json": { schema: body } } } }),
    responses: {
      "200": {
        description: streams ? "A stream; the data of each event is one message." : "Done.",
        content: { [streams ? "text/event-stream" : "application/json"]: { schema: output } },
      },
      default: {
        description: "A problem.",
        content: { "application/problem+json": { schema: { $ref: "#/components/schemas/Problem" } } },
      },
    },
  };
}

function accessText(access: Access | undefined): string | undefined {
  switch (access?.rule) {
    case "permission":
      return `Needs the permission \`${access.permission}\`.`;
    case "public":
      return "Anybody may call it.";
    case "signedIn":
      return "Any signed-in caller.";
    case undefined:
      return undefined;
    default:
      return access satisfies never;
  }
}

function parameters(input: DescMessage, rule: HttpRule, schemas: Schemas): Record<string, unknown>[] {
  const inPath = restPath(rule.path).fields;
  const path = inPath.map((name) => {
    const field = input.fields.find((one) => one.name === name);
    return {
      name,
      in: "path",
      required: true,
      schema: field === undefined ? { type: "string" } : schemas.ofField(field),
    };
  });
  const headers = rule.verb === "POST" ? [IDEMPOTENCY_HEADER] : [];
  if (rule.body === "*") return [...path, ...headers];
  const rest = input.fields.filter((field) => !inPath.includes(field.name) && field.name !== rule.body);
  return [...path, ...rest.flatMap((field) => queryParameters(field, "", schemas))];
}

/** A message in the address is written as its fields: `page.size`. */
function queryParameters(field: DescField, prefix: string, schemas: Schemas): Record<string, unknown>[] {
  const name = `${prefix}${field.jsonName}`;
  if (field.fieldKind === "map") return [];
  if (field.fieldKind === "message" && !field.message.typeName.startsWith("google.protobuf.")) {
    return field.message.fields.flatMap((inner) => queryParameters(inner, `${name}.`, schemas));
  }
  return [{ name, in: "query", required: schemas.isRequired(field), schema: schemas.ofField(field) }];
}

function bodySchema(input: DescMessage, rule: HttpRule, schemas: Schemas): JsonSchema | undefined {
  if (rule.body === "") return undefined;
  if (rule.body !== "*") {
    const field = input.fields.find((one) => one.name === rule.body);
    return field === undefined ? undefined : schemas.ofField(field);
  }
  const inPath = new Set(restPath(rule.path).fields);
  const fields = input.fields.filter((field) => !inPath.has(field.name));
  return {
    type: "object",
    properties: Object.fromEntries(fields.map((field) => [field.jsonName, schemas.ofField(field)])),
    additionalProperties: false,
  };
}
