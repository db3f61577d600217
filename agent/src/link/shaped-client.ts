import {
  type ChannelCredentials,
  type ClientOptions,
  InterceptingCall,
  type Interceptor,
  makeClientConstructor,
} from "@grpc/grpc-js";
import { type AgentServiceClient, AgentServiceService } from "@windflow/proto/agent";
import { type AgentMethod, classOf, waits } from "./message-class.ts";
import type { Shaper } from "./shaper.ts";

type Definition = (typeof AgentServiceService)[AgentMethod];
type Client = new (address: string, credentials: ChannelCredentials, options?: ClientOptions) => AgentServiceClient;

const METHOD_OF_PATH: ReadonlyMap<string, AgentMethod> = new Map(
  Object.entries(AgentServiceService).map(([name, { path }]) => [path, name as AgentMethod]),
);

/**
 * What a frame of the session waits at most, whatever its class owes: behind it stand the answers to heartbeats, and a session in which
 * nothing is heard for three of them ends. Frames that are larger than ten seconds of the limit go over it by that.
 */
const LONGEST_HELD_FRAME_MS = 10_000;

/**
 * A client whose messages are counted and charged where their bytes are made and read. What comes in is handed on when its class has
 * no debt, and nothing more of its stream is read before that: the other side is slowed down by HTTP/2's own flow control. What goes
 * out waits where it is made, so that control never stands behind it.
 */
export function openShapedClient(
  address: string,
  credentials: ChannelCredentials,
  { shaper, options }: { readonly shaper: Shaper; readonly options: ClientOptions },
): AgentServiceClient {
  const service = Object.fromEntries(
    Object.entries(AgentServiceService).map(([name, definition]) => [
      name,
      counted(name as AgentMethod, definition, shaper),
    ]),
  );
  const Shaped = makeClientConstructor(service, "windflow.agent.v1.AgentService") as unknown as Client;
  return new Shaped(address, credentials, { ...options, interceptors: [holdReceived(shaper)] });
}

function counted(method: AgentMethod, definition: Definition, shaper: Shaper): Definition {
  const serialize = definition.requestSerialize as (message: object) => Buffer;
  const deserialize = definition.responseDeserialize as (bytes: Buffer) => object;
  return {
    ...definition,
    requestSerialize: (message: object) => {
      const bytes = serialize(message);
      shaper.spend(classOf(method, message), "sent", bytes.length);
      return bytes;
    },
    responseDeserialize: (bytes: Buffer) => {
      const message = deserialize(bytes);
      shaper.spend(classOf(method, message), "received", bytes.length);
      return message;
    },
  } as Definition;
}

function holdReceived(shaper: Shaper): Interceptor {
  return (options, nextCall) => {
    const method = METHOD_OF_PATH.get(options.method_definition.path);
    const over = new AbortController();
    return new InterceptingCall(nextCall(options), {
      start: (metadata, _listener, next) =>
        next(metadata, {
          onReceiveMessage: (message: object, deliver: (message: object) => void) => {
            // Answered in full before it is read: holding it back saves nothing.
            const isHeld = method !== undefined && isStreamed(method) && waits(message);
            const mostMs = method === "connect" ? LONGEST_HELD_FRAME_MS : undefined;
            const turn = isHeld ? shaper.wait(classOf(method, message), "received", over.signal, mostMs) : undefined;
            if (turn === undefined) return deliver(message);
            turn.then(
              () => deliver(message),
              () => deliver(message),
            );
          },
        }),
      // A call that is given up does not wait for its class.
      cancel: (next) => {
        over.abort();
        next();
      },
    });
  };
}

function isStreamed(method: AgentMethod): boolean {
  return AgentServiceService[method].responseStream;
}
