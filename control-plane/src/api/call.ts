import { setTimeout as delay } from "node:timers/promises";
import type { Message } from "@bufbuild/protobuf";
import { commonErrors, field, ProblemError, type Caller, type Clock, type Log } from "../platform/index.ts";
import { authorize } from "./authorize.ts";
import type { CatalogMethod } from "./catalog.ts";
import { recognise, type Authenticator, type Credential } from "./credentials.ts";
import { eventIdOf, type CallContext, type MethodDefinition, type Principal, type SessionCookie } from "./handlers.ts";
import type { Figures } from "./figures.ts";
import type { Idempotency } from "./idempotency.ts";
import type { Messages } from "./messages.ts";
import { organizationIn } from "./organization.ts";
import { orAborted, peekFirst, until } from "./streams.ts";

/** A method with the handler that a domain registered for it. */
export interface RegisteredMethod {
  readonly catalog: CatalogMethod;
  readonly definition: MethodDefinition<unknown, object>;
  readonly handle: (request: unknown, context: CallContext) => Promise<object> | AsyncIterable<object>;
}

/** A call as a door received it. */
export interface IncomingCall {
  readonly method: RegisteredMethod;
  readonly credential: Credential;
  readonly remoteAddress: string;
  readonly userAgent: string;
  readonly requestId: string;
  readonly signal: AbortSignal;
  readonly resumeAfter?: string | undefined;
  readonly idempotencyKey?: string | undefined;
  readonly cookie?: SessionCookie | undefined;
}

export interface StreamedMessage {
  readonly bytes: Uint8Array;
  readonly id: string | undefined;
}

/** What both doors do with a call, on the bytes of its messages: recognise, authorize, validate, handle. */
export interface Calls {
  unary(call: IncomingCall, request: Uint8Array): Promise<Uint8Array>;
  /** Resolves once the caller may have the stream; failures before that reject. */
  serverStream(call: IncomingCall, request: Uint8Array): Promise<AsyncIterable<StreamedMessage>>;
  bidiStream(call: IncomingCall, requests: AsyncIterable<Uint8Array>): Promise<AsyncIterable<StreamedMessage>>;
  /** Ends the streams with WF_STOPPING and waits a while for the answers that are under way. */
  drain(): Promise<void>;
}

// Far above what a page or a program needs; a client that opens streams in a loop must not take all of them.
const STREAMS_PER_CALLER = 100;
// A handler that needs longer must start a job or stream its progress.
const UNARY_TIMEOUT_MS = 60_000;
// At a stop: the longest wait for answers that are under way, and the time that they need to leave the sockets.
const DRAIN_MS = 3_000;
const FLUSH_MS = 50;
// An open stream asks again this often whether its caller may still have it (besides every change that is told).
const STREAM_RECHECK_MS = 30_000;

interface Parts {
  messages: Messages;
  authenticator: Authenticator;
  idempotency: Idempotency;
  figures: Figures;
  clock: Clock;
  log: Log;
}

export function createCalls(parts: Parts): Calls {
  const { messages, authenticator, idempotency, figures, clock, log } = parts;
  const openStreams = new Map<string, number>();
  const stopping = new AbortController();
  const underWay = new Set<Promise<unknown>>();

  function countStream(caller: Caller, change: 1 | -1): void {
    const open = (openStreams.get(caller.id) ?? 0) + change;
    if (open > STREAMS_PER_CALLER) {
      const detail = `${caller.name} has ${STREAMS_PER_CALLER} streams open`;
      throw new ProblemError({ code: commonErrors.WF_STREAMS_EXHAUSTED, detail });
    }
    if (open === 0) openStreams.delete(caller.id);
    else openStreams.set(caller.id, open);
  }

  async function admit(
    call: IncomingCall,
    message: Message | undefined,
  ): Promise<{ caller: Caller; principal: Principal | undefined }> {
    const principal = await recognise(authenticator, call.credential);
    const { access, path, descriptor } = call.method.catalog;
    if (principal === undefined && call.credential !== undefined && access?.rule !== "public") {
      const detail = "the token or the session is unknown, ended or expired";
      throw new ProblemError({ code: commonErrors.WF_UNAUTHENTICATED, detail });
    }
    const organization = message === undefined ? undefined : organizationIn(descriptor.input, message);
    const { remoteAddress, requestId } = call;
    return {
      caller: authorize({ access, method: path, principal, organization, remoteAddress, requestId }),
      principal,
    };
  }

  function contextOf(
    call: IncomingCall,
    caller: Caller,
    principal: Principal | undefined,
    signal: AbortSignal,
  ): CallContext {
    const { requestId, remoteAddress, resumeAfter, cookie, userAgent } = call;
    return { caller, principal, requestId, remoteAddress, resumeAfter, cookie, userAgent, signal };
  }

  async function perform(
    call: IncomingCall,
    asked: { caller: Caller; principal: Principal | undefined; request: Uint8Array },
    signal: AbortSignal,
  ): Promise<Uint8Array> {
    const { definition, handle } = call.method;
    const decoded = definition.requestDeserialize(Buffer.from(asked.request));
    return definition.responseSerialize(
      await (handle(decoded, contextOf(call, asked.caller, asked.principal, signal)) as Promise<object>),
    );
  }

  /** The answer of `work`, unless the caller leaves or the time is over before. */
  function inTime(
    call: IncomingCall,
    work: (signals: { late: AbortSignal; lateOrLeft: AbortSignal }) => Promise<Uint8Array>,
  ): Promise<Uint8Array> {
    const late = new AbortController();
    // Cleared at the end: a signal of AbortSignal.timeout would stay for its whole minute after a call of a millisecond.
    const timer = setTimeout(
      () => late.abort(new ProblemError({ code: commonErrors.WF_DEADLINE_EXCEEDED })),
      UNARY_TIMEOUT_MS,
    );
    const lateOrLeft = AbortSignal.any([call.signal, late.signal]);
    const working = work({ late: late.signal, lateOrLeft });
    const ended = (): void => clearTimeout(timer);
    working.then(ended, ended);
    return orAborted(working, lateOrLeft);
  }

  async function* stream(
    call: IncomingCall,
    caller: Caller,
    principal: Principal | undefined,
    request: unknown,
    recheck: () => Promise<unknown>,
  ): AsyncGenerator<StreamedMessage> {
    countStream(caller, 1);
    figures.streams(call.method.catalog.path, 1);
    const ended = new AbortController();
    const signal = AbortSignal.any([call.signal, ended.signal, stopping.signal]);
    const stopWatching = watchRights(principal?.userId, recheck, ended);
    try {
      const { definition, handle } = call.method;
      const responses = handle(request, contextOf(call, caller, principal, signal)) as AsyncIterable<object>;
      for await (const response of until(responses, signal)) {
        yield { bytes: definition.responseSerialize(response), id: eventIdOf(response) };
      }
    } finally {
      countStream(caller, -1);
      figures.streams(call.method.catalog.path, -1);
      stopWatching();
      ended.abort();
    }
  }

  function watchRights(
    userId: string | undefined,
    recheck: () => Promise<unknown>,
    ended: AbortController,
  ): () => void {
    const check = (): void => {
      recheck().catch((error: unknown) => {
        // A database that is away takes nobody's rights away; the next round asks again.
        if (error instanceof ProblemError && error.code.kind === "unavailable") return;
        ended.abort(error);
      });
    };
    const stopListening = authenticator.onChange((changed) => {
      if (changed === undefined || changed === userId) check();
    });
    const timer = setInterval(check, STREAM_RECHECK_MS);
    // What was taken away between the admission and now was told to nobody.
    check();
    return () => {
      clearInterval(timer);
      stopListening();
    };
  }

  async function measured<Result>(call: IncomingCall, work: () => Promise<Result>): Promise<Result> {
    const startedMs = clock.monotonicMs();
    const line = (outcome: string): void => {
      const durationMs = Math.round(clock.monotonicMs() - startedMs);
      const { path } = call.method.catalog;
      const fields = { [field.requestId]: call.requestId, [field.method]: path };
      figures.called(path, outcome, (clock.monotonicMs() - startedMs) / 1000);
      log.debug({ ...fields, [field.outcome]: outcome, [field.durationMs]: durationMs }, "A call was answered.");
    };
    try {
      const result = await work();
      line("ok");
      return result;
    } catch (error) {
      line(error instanceof ProblemError ? error.code.code : "failed");
      throw error;
    }
  }

  /** A drain waits for it too. */
  function trackedUntilEnd<Result>(work: Promise<Result>): Promise<Result> {
    const ended = work.catch(() => undefined).finally(() => underWay.delete(ended));
    underWay.add(ended);
    return work;
  }

  function answering<Result>(call: IncomingCall, work: () => Promise<Result>): Promise<Result> {
    return trackedUntilEnd(measured(call, work));
  }

  return {
    unary: (call, request) =>
      answering(call, async () => {
        const { input } = call.method.catalog.descriptor;
        const message = messages.validate(input, request);
        const { caller, principal } = await admit(call, message);
        const asked = { caller, principal, request };
        const { idempotencyKey: key } = call;
        if (key === undefined || caller.organizationId === "")
          return inTime(call, ({ lateOrLeft }) => perform(call, asked, lateOrLeft));
        const method = call.method.catalog.path;
        // Who sends a key repeats the request when the connection breaks: what has begun goes on to its end, for the
        // repetition to find its answer instead of doing it a second time.
        return inTime(call, ({ late }) => {
          const once = idempotency.once({ caller, key, method, request }, () => perform(call, asked, late));
          return trackedUntilEnd(once);
        });
      }),
    serverStream: (call, request) =>
      measured(call, async () => {
        const message = messages.validate(call.method.catalog.descriptor.input, request);
        const { caller, principal } = await admit(call, message);
        const decoded = call.method.definition.requestDeserialize(Buffer.from(request));
        return stream(call, caller, principal, decoded, () => admit(call, message));
      }),
    bidiStream: (call, requests) =>
      measured(call, async () => {
        const { input } = call.method.catalog.descriptor;
        // The first message says in which organization: without it nothing can be allowed.
        const { first, all } = await peekFirst(until(requests, call.signal));
        const message = first === undefined ? undefined : messages.validate(input, first);
        const { caller, principal } = await admit(call, message);
        const decoded = decodeEach(all, (bytes) => {
          messages.validate(input, bytes);
          return call.method.definition.requestDeserialize(Buffer.from(bytes));
        });
        return stream(call, caller, principal, decoded, () => admit(call, message));
      }),
    drain: async () => {
      stopping.abort(new ProblemError({ code: commonErrors.WF_STOPPING }));
      const patience = new AbortController();
      await Promise.race([
        Promise.all(underWay),
        delay(DRAIN_MS, undefined, { signal: patience.signal }).catch(() => undefined),
      ]);
      patience.abort();
      await delay(FLUSH_MS);
    },
  };
}

async function* decodeEach(source: AsyncIterable<Uint8Array>, decode: (bytes: Uint8Array) => unknown): AsyncGenerator {
  for await (const bytes of source) yield decode(bytes);
}
