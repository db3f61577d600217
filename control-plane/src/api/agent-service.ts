import type { ServerDuplexStream, ServerUnaryCall, ServerWritableStream, sendUnaryData } from "@grpc/grpc-js";
import type { EventEmitter } from "node:events";
import type { TLSSocket } from "node:tls";
import type { Log, NewId, SparseLog } from "../platform/index.ts";
import type { GrpcDoor } from "./grpc/server.ts";
import { replyTo } from "./grpc/reply.ts";
import { grpcStatus } from "./grpc/status.ts";
import { writeAll } from "./grpc/write.ts";
import type { Handlers, MethodDefinition } from "./handlers.ts";
import { toProblem } from "./problems.ts";
import { itemsOf, until } from "./streams.ts";

/** What is known of an agent's call. The certificate is what the peer showed, not yet believed: see `authorized`. */
export interface AgentContext {
  /** DER of the leaf certificate; undefined when the peer showed none. */
  readonly peerCertificate: Uint8Array | undefined;
  /** True if the chain leads to one of the authorities and is within its dates. Revocation is the handler's to ask. */
  readonly authorized: boolean;
  /** Why not, as OpenSSL names it: CERT_HAS_EXPIRED, SELF_SIGNED_CERT_IN_CHAIN, … */
  readonly authorizationError: string | undefined;
  readonly remoteAddress: string;
  readonly requestId: string;
  /** Aborts when the agent is gone or the call is cancelled. */
  readonly signal: AbortSignal;
  readonly metadata: (name: string) => string | undefined;
  /** Says that the call goes on by itself from here: its connection does not keep others from being let in any more. */
  readonly settled: () => void;
}

/** As `Handlers`, with what is known of an agent instead of a caller. */
export type AgentHandlers<Definition> = Handlers<Definition, AgentContext>;

interface Parts {
  door: GrpcDoor;
  onSettled: (connection: TLSSocket) => void;
  newId: NewId;
  log: Log;
  refusals: SparseLog;
}

type AnyCall =
  | ServerUnaryCall<unknown, unknown>
  | ServerWritableStream<unknown, unknown>
  | ServerDuplexStream<unknown, unknown>;
type AnyHandler = (request: unknown, context: AgentContext) => Promise<unknown> | AsyncIterable<unknown>;

/** Adds a service of the agent protocol. gRPC only; the handlers decide by certificate or token who may go on. */
export function addAgentService(
  definition: Record<string, MethodDefinition<never, never>>,
  handlers: Record<string, unknown>,
  parts: Parts,
): void {
  const implementation: Record<string, never> = {};
  for (const [name, method] of Object.entries(definition)) {
    const handler = handlers[name] as AnyHandler | undefined;
    if (handler === undefined) throw new TypeError(`${method.path} has no handler`);
    implementation[name] = grpcHandler(method, handler, parts) as never;
  }
  parts.door.server.addService(definition as never, implementation);
}

function grpcHandler(method: MethodDefinition<never, never>, handler: AnyHandler, parts: Parts): unknown {
  const statusOf = (error: unknown, context: AgentContext) =>
    grpcStatus(
      toProblem(error, {
        requestId: context.requestId,
        remoteAddress: context.remoteAddress,
        method: method.path,
        log: parts.log,
        refusals: parts.refusals,
      }),
      context.requestId,
    );

  if (!method.responseStream) {
    return (call: ServerUnaryCall<unknown, unknown>, callback: sendUnaryData<unknown>): void => {
      const context = contextOf(call, parts);
      const answer = async (): Promise<unknown> =>
        (handler(call.request, context) as Promise<unknown>).finally(context.settled);
      replyTo(callback, answer(), (error) => statusOf(error, context));
    };
  }
  return (call: ServerWritableStream<unknown, unknown> | ServerDuplexStream<unknown, unknown>): void => {
    const context = contextOf(call, parts);
    const request = method.requestStream
      ? itemsOf(call as ServerDuplexStream<unknown, unknown>)
      : (call as ServerWritableStream<unknown, unknown>).request;
    Promise.resolve()
      .then(() => {
        const responses = handler(request, context) as AsyncIterable<unknown>;
        return method.endsWithItsSignal === true ? responses : until(responses, context.signal);
      })
      .then((responses) => writeAll(call, responses, context.signal))
      .then(
        () => call.end(),
        (error: unknown) => call.emit("error", statusOf(error, context)),
      )
      .finally(context.settled);
  };
}

function contextOf(call: AnyCall, parts: Parts): AgentContext {
  const gone = new AbortController();
  (call as EventEmitter).on("cancelled", () => gone.abort());
  const peer = call.getPeer();
  const connection: TLSSocket | undefined = parts.door.connectionOf(peer);
  return {
    // Not getPeerCertificate, which writes out every field of it as text.
    // Read when it is asked for, which is once: the session goes on for weeks.
    get peerCertificate() {
      return connection?.getPeerX509Certificate()?.raw;
    },
    authorized: connection?.authorized ?? false,
    authorizationError:
      connection?.authorizationError === undefined ? undefined : String(connection.authorizationError),
    remoteAddress: peer.replace(/:\d+$/, ""),
    requestId: parts.newId("req"),
    signal: gone.signal,
    settled: () => {
      if (connection !== undefined) parts.onSettled(connection);
    },
    metadata: (name) => {
      const value = call.metadata.get(name)[0];
      return value === undefined ? undefined : String(value);
    },
  };
}
