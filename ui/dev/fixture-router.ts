import type { IncomingMessage, ServerResponse } from "node:http";
import { gzipSync } from "node:zlib";
import { METHOD_ROWS, type MethodRow } from "@windflow/proto/client";

/** A request's path, query and body fields as one object, as the transcoder of the control plane makes it. */
export type Fields = Record<string, unknown> & { organization?: string };
export type Handler = (fields: Fields, context: { signal: AbortSignal }) => unknown;
export class FixtureProblem extends Error {
  readonly status: number;
  readonly code: string;
  constructor(status: number, code: string, detail: string) {
    super(detail);
    this.status = status;
    this.code = code;
  }
}
interface Route {
  key: string;
  row: MethodRow;
  pattern: RegExp;
  names: string[];
}
const routes: Route[] = Object.entries(METHOD_ROWS).map(([key, row]) => {
  const names: string[] = [];
  const pattern = row.path.replace(/\{(\w+)\}/g, (_, name: string) => {
    names.push(name.replace(/_([a-z])/g, (__, letter: string) => letter.toUpperCase()));
    return "([^/:]+)";
  });
  return { key, row, pattern: new RegExp(`^${pattern}$`), names };
});

/** Answers a request of the REST API from the handlers; false when the path is none of it. */
export async function answer(
  handlers: Record<string, Handler>,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<boolean> {
  const url = new URL(request.url ?? "/", "http://fixture");
  const path = url.pathname;
  const route = routes.find((one) => one.row.verb === request.method && one.pattern.test(path));
  if (route === undefined) return false;
  const values = route.pattern.exec(path)?.slice(1).map(decodeURIComponent) ?? [];
  const fields: Fields = { ...queryFields(url.searchParams), ...(await bodyFields(request)) };
  route.names.forEach((name, index) => (fields[name] = values[index]));
  const abort = new AbortController();
  response.on("close", () => abort.abort());
  try {
    const handler = handlers[route.key];
    if (handler === undefined) throw new FixtureProblem(501, "WF_FIXTURE", `The fixture has no ${route.key}.`);
    const result = handler(fields, { signal: abort.signal });
    if (route.row.streams) await sendEvents(response, result as AsyncIterable<unknown>);
    else {
      const json = JSON.stringify((await result) ?? {});
      // As the control plane does it.
      const small = json.length > 4_096 && route.row.verb === "GET";
      response.writeHead(200, {
        "content-type": "application/json",
        "cache-control": "no-store",
        ...(small ? { "content-encoding": "gzip" } : {}),
      });
      response.end(small ? gzipSync(json, { level: 1 }) : json);
    }
  } catch (error) {
    sendProblem(response, error);
  }
  return true;
}

async function sendEvents(response: ServerResponse, items: AsyncIterable<unknown>): Promise<void> {
  response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-store" });
  response.flushHeaders();
  let id = 0;
  for await (const item of items) {
    if (response.destroyed) return;
    response.write(`id: ${(id += 1)}\ndata: ${JSON.stringify(item)}\n\n`);
  }
  response.end();
}
function sendProblem(response: ServerResponse, error: unknown): void {
  const known = error instanceof FixtureProblem ? error : new FixtureProblem(500, "WF_INTERNAL", String(error));
  if (response.headersSent) return void response.end();
  response.writeHead(known.status, { "content-type": "application/problem+json" });
  const body = {
    type: "about:blank",
    code: known.code,
    title: "It did not work",
    detail: known.message,
    fix: "This is a fixture.",
    requestId: "req_fixture",
    status: known.status,
    violations: [],
  };
  response.end(JSON.stringify(body));
}
function queryFields(query: URLSearchParams): Fields {
  const fields: Fields = {};
  for (const [name, value] of query) {
    const [outer = "", inner] = name.split(".");
    if (inner === undefined) fields[outer] = value;
    else fields[outer] = { ...(fields[outer] as object), [inner]: value };
  }
  return fields;
}
async function bodyFields(request: IncomingMessage): Promise<Fields> {
  if (request.method === "GET" || request.method === "DELETE") return {};
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return chunks.length === 0 ? {} : (JSON.parse(Buffer.concat(chunks).toString()) as Fields);
}
