import { request as httpsRequest } from "node:https";
import type { IncomingMessage } from "node:http";

export interface TestResponse {
  status: number;
  headers: IncomingMessage["headers"];
  text: string;
  /** The body as JSON; undefined when it is none. */
  json: unknown;
}

export interface TestClient {
  call(
    method: string,
    path: string,
    body?: unknown,
    headers?: Record<string, string | undefined>,
  ): Promise<TestResponse>;
  /** The raw response, for streams. */
  open(method: string, path: string, headers?: Record<string, string>): Promise<IncomingMessage>;
}

/** A client over TLS with the test's authority, that sends exactly the headers it is given. */
export function createTestClient(options: {
  /** Loopback without it. */
  address?: string;
  port: number;
  ca: string;
  headers?: Record<string, string>;
}): TestClient {
  const send = (method: string, path: string, headers: Record<string, string>, body: string | undefined) =>
    new Promise<IncomingMessage>((resolve, reject) => {
      const request = httpsRequest(
        {
          host: options.address ?? "127.0.0.1",
          port: options.port,
          ca: options.ca,
          method,
          path,
          headers,
          agent: false,
        },
        resolve,
      );
      request.once("error", reject);
      request.end(body);
    });
  return {
    call: async (method, path, body, headers = {}) => {
      const text = body === undefined ? undefined : typeof body === "string" ? body : JSON.stringify(body);
      const all: Record<string, string | undefined> = {
        ...options.headers,
        ...(text === undefined ? {} : { "content-type": "application/json" }),
        ...headers,
      };
      const sent = Object.fromEntries(
        Object.entries(all).filter((entry): entry is [string, string] => entry[1] !== undefined),
      );
      const response = await send(method, path, sent, text);
      const chunks: Buffer[] = [];
      for await (const chunk of response) chunks.push(chunk as Buffer);
      const answer = Buffer.concat(chunks).toString("utf8");
      return { status: response.statusCode ?? 0, headers: response.headers, text: answer, json: parse(answer) };
    },
    open: (method, path, headers = {}) => send(method, path, { ...options.headers, ...headers }, undefined),
  };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
