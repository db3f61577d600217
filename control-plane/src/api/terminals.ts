import websocket from "@fastify/websocket";
import type { FastifyInstance } from "fastify";
import type { WebSocket } from "ws";
import { field, ProblemError, type Caller, type Log } from "../platform/index.ts";
import { requireOwnOrigin } from "./rest/cookies.ts";
import { TERMINALS_PATH, type TicketPayload, type Tickets } from "./tickets.ts";

/** A terminal's two directions, whatever carries them. */
export interface TerminalSocket {
  /** What the person typed, and new sizes of the window, until the browser is gone. */
  readonly input: AsyncIterable<{ bytes: Uint8Array } | { columns: number; rows: number }>;
  /** Resolves when there is room for more. */
  write(output: Uint8Array): Promise<void>;
  /** The last message. */
  exit(status: { exitCode: number; reason: string }): void;
  /** Aborts when the browser is gone. */
  readonly signal: AbortSignal;
}

export type TerminalHandler = (socket: TerminalSocket, payload: object, caller: Caller) => Promise<void>;

/** The handlers by the kind of their tickets. */
export interface Terminals {
  handle(kind: string, handler: TerminalHandler): void;
}

// A pasted file fits; more is somebody who sends faster than the host reads.
const INPUT_BYTES = 256 * 1024;
const INPUT_QUEUE = 1_000;
// A host that reads nothing for a while, and a person who goes on typing and pasting.
const INPUT_WAITING_BYTES = 1024 * 1024;
// Output that the browser has not taken yet.
const OUTPUT_BYTES = 1024 * 1024;
const OUTPUT_POLL_MS = 10;
const PING_MS = 30_000;
const CLOSED_NORMALLY = 1000;
const CLOSED_BY_FAULT = 1011;

export async function addTerminals(
  app: FastifyInstance,
  parts: { tickets: Tickets; origins: readonly string[]; log: Log },
): Promise<Terminals> {
  const handlers = new Map<string, TerminalHandler>();
  const redeemed = new WeakMap<object, TicketPayload>();
  await app.register(websocket, { options: { maxPayload: INPUT_BYTES, perMessageDeflate: false } });
  app.route({
    method: "GET",
    url: `${TERMINALS_PATH}:ticket`,
    // Before the upgrade: a refusal is an ordinary answer with a problem in it.
    preValidation: async (request) => {
      requireOwnOrigin(request, parts.origins);
      if (request.headers.upgrade === undefined) return;
      const { ticket } = request.params as { ticket: string };
      redeemed.set(request, await parts.tickets.redeem(ticket));
    },
    handler: async (_request, reply) =>
      reply.code(426).header("content-type", "text/plain").send("A terminal is opened as a WebSocket.\n"),
    wsHandler: async (socket, request) => {
      const ticket = redeemed.get(request);
      const handler = handlers.get(ticket?.kind ?? "");
      if (ticket === undefined || handler === undefined) return socket.close(CLOSED_BY_FAULT, "unknown kind of ticket");
      await run(socket, ticket, handler, parts.log);
    },
  });
  return {
    handle: (kind, handler) => {
      handlers.set(kind, handler);
    },
  };
}

async function run(socket: WebSocket, ticket: TicketPayload, handler: TerminalHandler, log: Log): Promise<void> {
  const terminal = terminalOn(socket);
  try {
    await handler(terminal, ticket.payload, ticket.caller);
    socket.close(CLOSED_NORMALLY);
  } catch (error) {
    const reason = error instanceof ProblemError ? `${error.code.code}: ${error.detail}` : "the terminal failed";
    if (!(error instanceof ProblemError) && !terminal.signal.aborted) {
      log.error(
        { err: error, [field.kind]: ticket.kind, [field.requestId]: ticket.caller.requestId },
        "A terminal failed.",
      );
    }
    terminal.exit({ exitCode: -1, reason });
    socket.close(CLOSED_BY_FAULT);
  }
}

type Input = { bytes: Uint8Array } | { columns: number; rows: number };

function terminalOn(socket: WebSocket): TerminalSocket {
  const gone = new AbortController();
  const queue: Input[] = [];
  let queuedBytes = 0;
  let wake: () => void = () => undefined;
  const heartbeat = setInterval(() => socket.ping(), PING_MS);
  socket.on("message", (content: Buffer, isBinary: boolean) => {
    const input = isBinary ? { bytes: content } : sizeOf(content.toString("utf8"));
    if (input === undefined) return;
    // What cannot be passed on is not thrown away silently: the terminal ends. A close that the other side must answer
    // would go on filling the memory until it does.
    const bytes = sizeInQueue(input);
    if (queue.length >= INPUT_QUEUE || queuedBytes + bytes > INPUT_WAITING_BYTES) return socket.terminate();
    queue.push(input);
    queuedBytes += bytes;
    wake();
  });
  socket.on("error", () => socket.terminate());
  socket.once("close", () => {
    clearInterval(heartbeat);
    gone.abort();
    wake();
  });
  async function* input(): AsyncGenerator<Input> {
    for (;;) {
      const next = queue.shift();
      if (next !== undefined) {
        queuedBytes -= sizeInQueue(next);
        yield next;
      } else if (gone.signal.aborted) return;
      else await new Promise<void>((resolve) => (wake = resolve));
    }
  }
  return {
    input: input(),
    signal: gone.signal,
    write: async (output) => {
      socket.send(output);
      while (socket.bufferedAmount > OUTPUT_BYTES && !gone.signal.aborted) {
        await new Promise((resolve) => setTimeout(resolve, OUTPUT_POLL_MS));
      }
    },
    exit: (status) => {
      if (!gone.signal.aborted) socket.send(JSON.stringify(status));
    },
  };
}

function sizeInQueue(input: Input): number {
  return "bytes" in input ? input.bytes.length : 0;
}

const LARGEST_SIZE = 1000;

function sizeOf(text: string): Input | undefined {
  try {
    const { columns, rows } = JSON.parse(text) as { columns?: unknown; rows?: unknown };
    const fits = (value: unknown): value is number =>
      Number.isInteger(value) && Number(value) >= 1 && Number(value) <= LARGEST_SIZE;
    return fits(columns) && fits(rows) ? { columns, rows } : undefined;
  } catch {
    return undefined;
  }
}
