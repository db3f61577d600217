import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { Log, SparseLog } from "../../platform/index.ts";
import type { Calls, IncomingCall, RegisteredMethod } from "../call.ts";
import type { HttpRule } from "../catalog.ts";
import type { Messages } from "../messages.ts";
import { problemBody, toProblem } from "../problems.ts";

import { cookieOn, credentialOf, requireOwnOrigin } from "./cookies.ts";
import { jsonBody } from "./json-body.ts";
import { restPath } from "./path.ts";
import { requestJson } from "./request-json.ts";
import { sendEvents, type ServerSentItem } from "./server-sent-events.ts";

interface Parts {
  calls: Calls;
  messages: Messages;
  origins: readonly string[];
  log: Log;
  refusals: SparseLog;
}

/** Adds the route of a method, as its `google.api.http` says. Methods with client streams have none. */
export function addRoute(app: FastifyInstance, method: RegisteredMethod, rule: HttpRule, parts: Parts): void {
  const { route } = restPath(rule.path);
  const handler = method.definition.responseStream ? streaming(method, rule, parts) : unary(method, rule, parts);
  app.route({ method: rule.verb, url: route, handler });
}

type RouteHandler = (request: FastifyRequest, reply: FastifyReply) => Promise<unknown>;

function unary(method: RegisteredMethod, rule: HttpRule, parts: Parts): RouteHandler {
  const { input, output } = method.catalog.descriptor;
  return async (request, reply) => {
    const bytes = readRequest(input, rule, request, parts);
    const response = await parts.calls.unary(incoming(method, request, reply), bytes);
    const acceptEncoding = request.headers["accept-encoding"]?.toString();
    const json = JSON.stringify(parts.messages.decode(output, response));
    const { body, encoding } = await jsonBody(json, { method: rule.verb, acceptEncoding });
    if (encoding !== undefined) reply.header("content-encoding", encoding);
    return reply
      .header("content-type", "application/json; charset=utf-8")
      .header("cache-control", "no-store")
      .send(body);
  };
}

function streaming(method: RegisteredMethod, rule: HttpRule, parts: Parts): RouteHandler {
  const { input, output } = method.catalog.descriptor;
  return async (request, reply) => {
    const bytes = readRequest(input, rule, request, parts);
    const call = incoming(method, request, reply);
    const messages = await parts.calls.serverStream(call, bytes);
    async function* items(): AsyncGenerator<ServerSentItem> {
      for await (const message of messages) {
        yield { id: message.id, json: JSON.stringify(parts.messages.decode(output, message.bytes)) };
      }
    }
    const { requestId, remoteAddress } = call;
    const context = { requestId, remoteAddress, method: method.catalog.path, log: parts.log, refusals: parts.refusals };
    const toBody = (error: unknown) => problemBody(toProblem(error, context), call.requestId);
    await sendEvents(reply, items(), { signal: call.signal, toBody });
    return reply;
  };
}

function readRequest(
  input: RegisteredMethod["catalog"]["descriptor"]["input"],
  rule: HttpRule,
  request: FastifyRequest,
  parts: Parts,
): Uint8Array {
  requireOwnOrigin(request, parts.origins);
  const json = requestJson(input, rule, {
    body: request.body,
    query: request.query as Record<string, unknown>,
    params: request.params as Record<string, string>,
  });
  return parts.messages.encode(input, json).bytes;
}

function incoming(method: RegisteredMethod, request: FastifyRequest, reply: FastifyReply): IncomingCall {
  const gone = new AbortController();
  reply.raw.once("close", () => {
    if (!reply.raw.writableFinished) gone.abort();
  });
  const idempotencyKey = request.headers["idempotency-key"];
  const lastEventId = request.headers["last-event-id"];
  return {
    method,
    credential: credentialOf(request),
    remoteAddress: request.socket.remoteAddress ?? "",
    userAgent: request.headers["user-agent"] ?? "",
    requestId: request.id,
    signal: gone.signal,
    cookie: cookieOn(reply),
    resumeAfter: typeof lastEventId === "string" ? lastEventId : undefined,
    idempotencyKey: rule(request) && typeof idempotencyKey === "string" ? idempotencyKey : undefined,
  };
}

const rule = (request: FastifyRequest): boolean => request.method === "POST";
