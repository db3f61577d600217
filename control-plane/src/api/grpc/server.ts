import {
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  type ServerUnaryCall,
  type ServerWritableStream,
  type sendUnaryData,
  type ServiceDefinition as GrpcService,
  type UntypedServiceImplementation,
} from "@grpc/grpc-js";
import type { EventEmitter } from "node:events";
import type { TLSSocket } from "node:tls";
import { field, type Log, type NewId, type SparseLog } from "../../platform/index.ts";
import type { Calls, IncomingCall, RegisteredMethod, StreamedMessage } from "../call.ts";
import { bearerOf } from "../credentials.ts";
import { toProblem } from "../problems.ts";
import { forgetLastMessages } from "./forget-last-message.ts";
import { tellOfLargeMessages } from "./large-messages.ts";
import { replyTo } from "./reply.ts";
import { grpcStatus } from "./status.ts";
import { writeAll } from "./write.ts";

// One agent message is at most a compose body or a chunk of a file; a larger frame is a fault or an attack.
export const MESSAGE_BYTES: number = 8 * 1024 * 1024;
const STREAMS_PER_CONNECTION = 128;
// A connection without a call for this long is nobody's session.
const IDLE_MS = 5 * 60_000;
const CHANNELZ_OFF = 0;

interface Parts {
  calls: Calls;
  newId: NewId;
  log: Log;
  refusals: SparseLog;
}

/** The gRPC side of the port. It listens nowhere: the front door injects TLS connections. */
export interface GrpcDoor {
  readonly server: Server;
  addService(methods: ReadonlyMap<string, RegisteredMethod>): void;
  inject(connection: TLSSocket): void;
  /** The TLS connection that a call came on, by the call's peer. */
  connectionOf(peer: string): TLSSocket | undefined;
  close(): Promise<void>;
}

// Open calls get this long to end by themselves at a shutdown.
const GRACE_MS = 3_000;

forgetLastMessages();

export function createGrpcDoor(parts: Parts): GrpcDoor {
  const server = new Server({
    "grpc.max_receive_message_length": MESSAGE_BYTES,
    "grpc.max_send_message_length": MESSAGE_BYTES,
    "grpc.max_concurrent_streams": STREAMS_PER_CONNECTION,
    "grpc.max_connection_idle_ms": IDLE_MS,
    "grpc.enable_channelz": CHANNELZ_OFF,
    interceptors: [tellOfLargeMessages(parts.refusals)],
  });
  const injector = server.createConnectionInjector(ServerCredentials.createInsecure());
  const connections = new Map<string, TLSSocket>();
  return {
    server,
    addService: (methods) => {
      const definition: Record<string, GrpcService[string]> = {};
      const implementation: UntypedServiceImplementation = {};
      for (const [name, method] of methods) {
        definition[name] = onBytes(method);
        implementation[name] = handlerOf(method, parts) as UntypedServiceImplementation[string];
      }
      server.addService(definition, implementation);
    },
    inject: (connection) => {
      const peer = peerOf(connection);
      if (connections.has(peer)) {
        // One address and port at two of our own addresses: calls are told apart by their peer alone, and one of the
        // two must not be taken for the other. An agent comes back from another port.
        parts.refusals.warn("A connection was refused.", "its address and port are in use", {
          [field.remoteAddress]: peer,
        });
        connection.destroy();
        return;
      }
      connections.set(peer, connection);
      connection.once("close", () => connections.delete(peer));
      injector.injectConnection(connection);
    },
    connectionOf: (peer) => connections.get(peer),
    close: async () => {
      injector.drain(GRACE_MS);
      await Promise.race([
        new Promise<void>((resolve) => server.tryShutdown(() => resolve())),
        new Promise<void>((resolve) => setTimeout(resolve, GRACE_MS).unref()),
      ]);
      server.forceShutdown();
      for (const connection of connections.values()) connection.destroy();
    },
  };
}

/** As grpc-js names a call's peer. */
function peerOf(connection: TLSSocket): string {
  return `${connection.remoteAddress ?? ""}:${connection.remotePort ?? 0}`;
}

const identity = (bytes: Buffer): Buffer => bytes;

// grpc-js hands the bytes on as they came: they are checked against the rules before they are decoded.
function onBytes(method: RegisteredMethod): GrpcService[string] {
  return {
    path: method.catalog.path,
    requestStream: method.definition.requestStream,
    responseStream: method.definition.responseStream,
    requestSerialize: identity,
    requestDeserialize: identity,
    responseSerialize: (bytes: Uint8Array) => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength),
    responseDeserialize: identity,
  };
}

type Call =
  | ServerUnaryCall<Buffer, Uint8Array>
  | ServerWritableStream<Buffer, Uint8Array>
  | ServerDuplexStream<Buffer, Uint8Array>;

function handlerOf(method: RegisteredMethod, parts: Parts): unknown {
  const { requestStream, responseStream } = method.definition;
  if (requestStream && responseStream) return bidi(method, parts);
  if (responseStream) return serverStream(method, parts);
  if (requestStream) throw new TypeError(`${method.catalog.path}: a client stream with one answer is not supported`);
  return unary(method, parts);
}

function unary(method: RegisteredMethod, parts: Parts) {
  return (call: ServerUnaryCall<Buffer, Uint8Array>, callback: sendUnaryData<Uint8Array>): void => {
    const incoming = incomingCall(method, call, parts);
    replyTo(callback, parts.calls.unary(incoming, call.request), (error) => statusFor(error, incoming, parts));
  };
}

function serverStream(method: RegisteredMethod, parts: Parts) {
  return (call: ServerWritableStream<Buffer, Uint8Array>): void => {
    const incoming = incomingCall(method, call, parts);
    send(call, parts.calls.serverStream(incoming, call.request), incoming, parts);
  };
}

function bidi(method: RegisteredMethod, parts: Parts) {
  return (call: ServerDuplexStream<Buffer, Uint8Array>): void => {
    const incoming = incomingCall(method, call, parts);
    send(call, parts.calls.bidiStream(incoming, call as AsyncIterable<Buffer>), incoming, parts);
  };
}

function send(
  call: ServerWritableStream<Buffer, Uint8Array> | ServerDuplexStream<Buffer, Uint8Array>,
  messages: Promise<AsyncIterable<StreamedMessage>>,
  incoming: IncomingCall,
  parts: Parts,
): void {
  messages
    .then((all) => writeAll(call, bytesOf(all), incoming.signal))
    .then(
      () => call.end(),
      (error: unknown) => call.emit("error", statusFor(error, incoming, parts)),
    );
}

async function* bytesOf(messages: AsyncIterable<StreamedMessage>): AsyncGenerator<Uint8Array> {
  for await (const message of messages) yield message.bytes;
}

function statusFor(error: unknown, incoming: IncomingCall, parts: Parts): ReturnType<typeof grpcStatus> {
  const { requestId, remoteAddress, method } = incoming;
  const context = { requestId, remoteAddress, method: method.catalog.path, log: parts.log, refusals: parts.refusals };
  return grpcStatus(toProblem(error, context), incoming.requestId);
}

function incomingCall(method: RegisteredMethod, call: Call, parts: Parts): IncomingCall {
  const gone = new AbortController();
  (call as EventEmitter).on("cancelled", () => gone.abort());
  const text = (name: string): string | undefined => {
    const value = call.metadata.get(name)[0];
    return value === undefined ? undefined : String(value);
  };
  return {
    method,
    credential: bearerOf(text("authorization")),
    remoteAddress: call.getPeer().replace(/:\d+$/, ""),
    userAgent: text("user-agent") ?? "",
    requestId: parts.newId("req"),
    signal: gone.signal,
    resumeAfter: text("last-event-id"),
    idempotencyKey: text("idempotency-key"),
  };
}
