import type { Caller } from "../platform/index.ts";

/** A method of a service definition that ts-proto made for grpc-js. */
export interface MethodDefinition<Request, Response> {
  readonly path: string;
  readonly requestStream: boolean;
  readonly responseStream: boolean;
  readonly requestDeserialize: (bytes: Buffer) => Request;
  readonly responseSerialize: (message: Response) => Buffer;
  /** What its handler gives ends by itself when the call's signal aborts, also while it waits; nothing else has to watch. */
  readonly endsWithItsSignal?: boolean;
}

/** What a handler knows of its call. */
export interface CallContext {
  readonly caller: Caller;
  readonly requestId: string;
  readonly remoteAddress: string;
  /** Aborts when the caller is gone, the deadline is over, or the right to a stream was taken away. */
  readonly signal: AbortSignal;
  /** The id of the last event that the caller of a stream has seen (`Last-Event-ID`). */
  readonly resumeAfter: string | undefined;
  /** How the caller was recognised; undefined when nobody is signed in. */
  readonly principal: Principal | undefined;
  /** Present when the call came from a browser or another HTTP client: sets or clears its session cookie. */
  readonly cookie: SessionCookie | undefined;
  readonly userAgent: string;
}

export interface SessionCookie {
  set(secret: string, expiresAt: Date): void;
  clear(): void;
}

/** Who is signed in, with what that person or token may do in each organization. */
export interface Principal {
  readonly kind: "user" | "token";
  /** Id of the user or of the token. */
  readonly id: string;
  readonly name: string;
  readonly userId: string;
  /** The browser session, when there is one. */
  readonly sessionId: string | undefined;
  readonly mustChangePassword: boolean;
  readonly memberships: readonly {
    readonly organizationId: string;
    readonly organizationName: string;
    readonly permissions: ReadonlySet<string>;
  }[];
}

type Handler<Method, Context> = Method extends {
  requestStream: infer RequestStream;
  responseStream: infer ResponseStream;
  requestDeserialize: (bytes: Buffer) => infer Request;
  responseSerialize: (message: infer Response) => Buffer;
}
  ? (
      request: RequestStream extends true ? AsyncIterable<Request> : Request,
      context: Context,
    ) => ResponseStream extends true ? AsyncIterable<Response> : Promise<Response>
  : never;

/**
 * The handlers of a service: unary `(request, context) => Promise<response>`, server stream `→ AsyncIterable<response>`,
 * client streams take an `AsyncIterable<request>`. A message of a stream may be yielded with an id to resume after:
 * `withEventId(message, id)`.
 */
export type Handlers<Definition, Context = CallContext> = {
  [Name in keyof Definition]: Handler<Definition[Name], Context>;
};

export type ServiceDefinition = Record<string, MethodDefinition<never, never>>;

const eventIds = new WeakMap<object, string>();

/** Marks a message of a server stream with the id that a client may send as `Last-Event-ID` to go on after it. */
export function withEventId<Message extends object>(message: Message, id: string): Message {
  eventIds.set(message, id);
  return message;
}

export function eventIdOf(message: object): string | undefined {
  return eventIds.get(message);
}
