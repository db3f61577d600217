import type { OpenStreamCommand, StreamDown, StreamEnd, StreamUp } from "@windflow/proto/agent";
import type { HostIdentity } from "../hosts/index.ts";
import { commonErrors, ProblemError, type Clock, type ErrorCode } from "../platform/index.ts";
import { agentsErrors } from "./errors.ts";
import { createOutbox, type Outbox } from "./outbox.ts";
import type { Session } from "./session.ts";

export type HostStreamCommand = NonNullable<OpenStreamCommand["kind"]>;
export type StreamFromHost = NonNullable<StreamUp["kind"]>;
export type StreamToHost = NonNullable<StreamDown["kind"]>;

/** One interactive stream (logs, exec, host shell) with a host. */
export interface HostStream {
  /** Resolves when the transport has taken it: a slow link slows the sender down. Rejects when the stream is over. */
  send(message: StreamToHost): Promise<void>;
  /** What the host sends, for one reader; flow control is the reader's pace. Ends after the host's `end`; throws WF_HOST_DISCONNECTED when the link breaks. */
  readonly messages: AsyncIterable<StreamFromHost>;
  /** Ends the stream from this side, with the reason. */
  close(reason?: { code: string; problem: string }): void;
}

export interface Streams {
  /** Asks the host to open a stream and waits for it. */
  open(session: Session, command: HostStreamCommand, signal: AbortSignal): Promise<HostStream>;
  /** The agent's half: the rpc that it opened. */
  serve(host: HostIdentity, up: AsyncIterable<StreamUp>, signal: AbortSignal): AsyncIterable<StreamDown>;
  /** Ends every stream of a host. */
  closeAll(hostId: string, reason: { code: ErrorCode; message: string }): void;
}

interface Parts {
  clock: Clock;
  newTicket: () => string;
}

type StreamClass = "logs" | "exec" | "build";
// decisions.md 13: a browser with many panes must not take the streams that a terminal or the session needs.
// Builds take a host's processors and disk: one after the other.
const LIMITS: Record<StreamClass, number> = { logs: 32, exec: 16, build: 1 };
// As long as a ticket is good: a link that loses packets stalls for ten seconds and more, and comes back.
const OPEN_PATIENCE_MS = 30_000;
// What waits to be sent on one stream: keystrokes, pasted text, credits.
const DOWN_ITEMS = 64;
const DOWN_BYTES = 1024 * 1024;

interface Waiting {
  hostId: string;
  accept: (accepted: Accepted) => void;
  signal: AbortSignal;
}
interface Accepted {
  up: AsyncIterator<StreamUp>;
  down: Outbox<Sending>;
  over: AbortController;
}
interface Sending {
  message: StreamToHost;
  taken: () => void;
}

export function createStreams(parts: Parts): Streams {
  const waiting = new Map<string, Waiting>();
  const open = new Map<string, Set<{ kind: StreamClass; close: (reason: StreamEnd) => void }>>();

  function reserve(hostId: string, kind: StreamClass): { close: (reason: StreamEnd) => void; release: () => void } {
    const ofHost = open.get(hostId) ?? new Set();
    const count = [...ofHost].filter((one) => one.kind === kind).length;
    if (count >= LIMITS[kind]) {
      const detail = `The host has ${count} streams of this kind (${kind}) open, the most that it may have.`;
      throw new ProblemError({ code: commonErrors.WF_STREAMS_EXHAUSTED, detail });
    }
    const place = { kind, close: (_reason: StreamEnd): void => undefined };
    ofHost.add(place);
    open.set(hostId, ofHost);
    const release = (): void => {
      ofHost.delete(place);
      if (ofHost.size === 0 && open.get(hostId) === ofHost) open.delete(hostId);
    };
    return Object.assign(place, { release });
  }

  async function accepted(session: Session, command: HostStreamCommand, signal: AbortSignal): Promise<Accepted> {
    const ticket = parts.newTicket();
    const answer = Promise.withResolvers<Accepted>();
    // Sending may end the session, which rejects this before anybody here waits for it.
    answer.promise.catch(() => undefined);
    const either = AbortSignal.any([signal, session.signal]);
    const onAbort = (): void => {
      answer.reject(signal.aborted ? signal.reason : new ProblemError({ code: agentsErrors.WF_HOST_DISCONNECTED }));
    };
    const done = new AbortController();
    either.addEventListener("abort", onAbort, { once: true });
    waiting.set(ticket, { hostId: session.identity.hostId, accept: answer.resolve, signal: either });
    parts.clock.sleep(OPEN_PATIENCE_MS, done.signal).then(
      () =>
        answer.reject(
          new ProblemError({ code: agentsErrors.WF_HOST_TIMEOUT, detail: "The host did not open the stream in time." }),
        ),
      () => undefined,
    );
    try {
      either.throwIfAborted();
      if (!session.send({ $case: "openStream", value: { ticket, kind: command } })) {
        answer.reject(new ProblemError({ code: agentsErrors.WF_HOST_DISCONNECTED }));
      }
      return await answer.promise;
    } finally {
      done.abort();
      either.removeEventListener("abort", onAbort);
      waiting.delete(ticket);
    }
  }

  return {
    open: async (session, command, signal) => {
      const place = reserve(session.identity.hostId, classOf(command));
      try {
        const accept = await accepted(session, command, signal);
        const { down, over } = accept;
        const close = (end: StreamEnd): void => {
          down.endWith({ message: { $case: "close", value: end }, taken: () => undefined });
        };
        place.close = (end) => {
          close(end);
          over.abort(new ProblemError({ code: agentsErrors.WF_HOST_DISCONNECTED, detail: end.problem }));
        };
        const onAbort = (): void => close(readerLeft);
        signal.addEventListener("abort", onAbort, { once: true });
        over.signal.addEventListener("abort", () => {
          signal.removeEventListener("abort", onAbort);
          place.release();
        });
        return {
          send: (message) => sendOn(down, over.signal, message),
          messages: messagesOf(accept),
          close: (reason) => close({ exitCode: 0, code: reason?.code ?? "", problem: reason?.problem ?? "" }),
        };
      } catch (error) {
        place.release();
        throw error;
      }
    },
    serve: async function* (host, up, signal) {
      const messages = up[Symbol.asyncIterator]();
      const first = await messages.next();
      const ticket = first.done !== true && first.value.kind?.$case === "ticket" ? first.value.kind.value : "";
      const waiter = waiting.get(ticket);
      if (waiter === undefined || waiter.hostId !== host.hostId)
        throw new ProblemError({ code: agentsErrors.WF_STREAM_TICKET_INVALID });
      waiting.delete(ticket);
      const down = createOutbox<Sending>({ items: DOWN_ITEMS, bytes: DOWN_BYTES }, (one) => sizeOf(one.message));
      const over = new AbortController();
      const onLost = (): void => down.endWith();
      signal.addEventListener("abort", onLost, { once: true });
      waiter.accept({ up: messages, down, over });
      try {
        for await (const { message, taken } of down.items((one) => one)) {
          yield { kind: message };
          // The transport asks for the next one only when it has taken this.
          taken();
        }
      } finally {
        signal.removeEventListener("abort", onLost);
        down.endWith();
        over.abort(
          new ProblemError({
            code: agentsErrors.WF_HOST_DISCONNECTED,
            detail: "The stream's connection to the host ended.",
          }),
        );
      }
    },
    closeAll: (hostId, reason) => {
      for (const one of open.get(hostId) ?? [])
        one.close({ exitCode: 0, code: reason.code.code, problem: reason.message });
    },
  };
}

function classOf({ $case }: HostStreamCommand): StreamClass {
  return $case === "hostShell" ? "exec" : $case;
}

function sendOn(down: Outbox<Sending>, over: AbortSignal, message: StreamToHost): Promise<void> {
  return new Promise((resolve, reject) => {
    const ended = (): void => reject(over.reason);
    if (over.aborted) return ended();
    over.addEventListener("abort", ended, { once: true });
    const taken = (): void => {
      over.removeEventListener("abort", ended);
      resolve();
    };
    if (down.push({ message, taken })) return;
    over.removeEventListener("abort", ended);
    reject(new ProblemError({ code: agentsErrors.WF_HOST_BUSY, detail: "Too much waits to be sent on this stream." }));
  });
}

async function* messagesOf({ up, down, over }: Accepted): AsyncGenerator<StreamFromHost> {
  try {
    for (;;) {
      const next = await up.next().catch((cause: unknown) => lost(over, "The connection to the host broke.", cause));
      // A half-close without `end`: the agent, or something on the way, gave up.
      if (next.done === true) return lost(over, "The stream ended without a word from the host.");
      const { kind } = next.value;
      if (kind === undefined || kind.$case === "ticket") continue;
      if (kind.$case === "end") down.endWith();
      yield kind;
      if (kind.$case === "end") return;
    }
  } finally {
    // For a reader that stopped before the end; does nothing when the stream is over already.
    down.endWith({ message: { $case: "close", value: readerLeft }, taken: () => undefined });
  }
}

const readerLeft: StreamEnd = { exitCode: 0, code: "WF_CANCELLED", problem: "the reader has left" };

/** Ends the stream for its senders too, and throws why: the first reason that was given. */
function lost(over: AbortController, detail: string, cause?: unknown): never {
  over.abort(new ProblemError({ code: agentsErrors.WF_HOST_DISCONNECTED, detail, cause }));
  throw over.signal.reason;
}

function sizeOf(message: StreamToHost): number {
  return message.$case === "input" ? message.value.length : 16;
}
