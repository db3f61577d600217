import { METHOD_ROWS, type ApiClient } from "../gen/rest-client.ts";
import { ApiError, type ProblemBody } from "./api-error.ts";
import type { CallOptions, MethodRow, StreamItem, StreamOptions } from "./calls.ts";
import { readServerSentEvents } from "./server-sent-events.ts";

export interface RestClientConfig {
  /** Origin of the control plane, e.g. "https://wind.example:8443"; empty for the page's own origin. */
  baseUrl: string;
  fetch: (url: string, init: RequestInit) => Promise<Response>;
  /** Bearer token of a program; a browser sends its cookie instead. */
  token?: string | undefined;
  /** Called with every error, e.g. to send the person to the sign-in page. */
  onError?: ((error: ApiError) => void) | undefined;
}

interface Target {
  url: string;
  init: RequestInit;
}

/** A client whose properties are the services and whose functions are the methods of the REST API. */
export function createRestClient(config: RestClientConfig): ApiClient {
  const client: Record<string, Record<string, unknown>> = {};
  for (const [key, row] of Object.entries(METHOD_ROWS)) {
    const [service, method] = key.split(".") as [string, string];
    const methods = (client[service] ??= {});
    methods[method] = row.streams
      ? (request: object, options?: StreamOptions) => stream(config, row, request, options)
      : (request: object, options?: CallOptions) => call(config, row, request, options);
  }
  return client as unknown as ApiClient;
}

async function call(
  config: RestClientConfig,
  row: MethodRow,
  request: object,
  options?: CallOptions,
): Promise<unknown> {
  const response = await send(config, buildTarget(config, row, request, options));
  return response.json();
}

async function* stream(
  config: RestClientConfig,
  row: MethodRow,
  request: object,
  options?: StreamOptions,
): AsyncGenerator<StreamItem<unknown>> {
  const target = buildTarget(config, row, request, options);
  const headers = target.init.headers as Record<string, string>;
  headers["accept"] = "text/event-stream";
  if (options?.lastEventId !== undefined) headers["last-event-id"] = options.lastEventId;
  const response = await send(config, target);
  if (response.body === null) return;
  for await (const event of readServerSentEvents(response.body)) {
    const message: unknown = JSON.parse(event.data);
    if (event.type === "error") throw report(config, new ApiError(message as ProblemBody));
    yield { id: event.id, message };
  }
}

function buildTarget(config: RestClientConfig, row: MethodRow, request: object, options?: CallOptions): Target {
  const rest = { ...request } as Record<string, unknown>;
  const path = row.path.replace(/\{(\w+)\}/g, (_, field: string) => {
    const name = field.replace(/_([a-z])/g, (__, letter: string) => letter.toUpperCase());
    const value = rest[name];
    if (typeof value !== "string" && typeof value !== "number") throw new TypeError(`${row.path} needs ${name}`);
    delete rest[name];
    return encodeURIComponent(value);
  });
  const headers: Record<string, string> = { accept: "application/json" };
  if (config.token !== undefined) headers["authorization"] = `Bearer ${config.token}`;
  if (options?.idempotencyKey !== undefined) headers["idempotency-key"] = options.idempotencyKey;
  const init: RequestInit = { method: row.verb, headers, credentials: "same-origin" };
  if (options?.signal !== undefined) init.signal = options.signal;
  if (row.body !== "") {
    headers["content-type"] = "application/json";
    init.body = JSON.stringify(row.body === "*" ? rest : rest[row.body]);
    return { url: config.baseUrl + path, init };
  }
  const query = new URLSearchParams(queryPairs(rest, "")).toString();
  return { url: config.baseUrl + path + (query === "" ? "" : `?${query}`), init };
}

function queryPairs(value: Record<string, unknown>, prefix: string): [string, string][] {
  return Object.entries(value).flatMap(([key, item]): [string, string][] => {
    if (item === undefined || item === null || item === "") return [];
    if (Array.isArray(item)) return item.map((one): [string, string] => [prefix + key, String(one)]);
    if (typeof item === "object") return queryPairs(item as Record<string, unknown>, `${prefix}${key}.`);
    return [[prefix + key, String(item as string | number | boolean)]];
  });
}

async function send(config: RestClientConfig, target: Target): Promise<Response> {
  let response: Response;
  try {
    response = await config.fetch(target.url, target.init);
  } catch (error) {
    if (error instanceof Error && error.name === "AbortError") throw error;
    const detail = "The control plane could not be reached.";
    throw report(
      config,
      new ApiError(
        { code: "WF_UNREACHABLE", title: "Not reached", detail, fix: "Check the network; the page tries again." },
        error,
      ),
    );
  }
  if (response.ok) return response;
  const text = await response.text();
  throw report(config, new ApiError({ status: response.status, ...parseProblem(text, response.status) }));
}

function parseProblem(text: string, status: number): ProblemBody | { detail: string; title: string } {
  try {
    return JSON.parse(text) as ProblemBody;
  } catch {
    return {
      title: `HTTP ${status}`,
      detail: `The answer (HTTP ${status}) is not one of the control plane's own; a proxy may have sent it.`,
    };
  }
}

function report(config: RestClientConfig, error: ApiError): ApiError {
  config.onError?.(error);
  return error;
}
