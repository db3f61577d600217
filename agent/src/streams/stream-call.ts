import type { AgentServiceClient, StreamDown, StreamEnd, StreamUp } from "@windflow/proto/agent";
import { type Shaper, classOf, waits } from "../link/index.ts";
import { type CreditWindow, createCreditWindow } from "./credit.ts";

type Up = NonNullable<StreamUp["kind"]>;

/** Pieces in which output is sent; a keystroke never waits behind more than this. */
export const PIECE_BYTES: number = 16 * 1024;

/** One open stream as its kind sees it. */
export interface StreamCall {
  readonly credit: CreditWindow;
  /** Aborted when the other side closed the stream or the link broke. */
  readonly closed: AbortSignal;
  /** Resolves when the transport would take more; waits for the link's limit before. */
  send(kind: Up): Promise<void>;
  /** Last message; the stream is over after it. */
  end(end: StreamEnd): void;
  /** Bytes for the program, in order; the next come after the promise. */
  onInput(handler: (bytes: Uint8Array) => Promise<void>): void;
  onResize(handler: (columns: number, rows: number) => void): void;
}

/** Opens the stream and says which it is. */
export function openStreamCall(client: AgentServiceClient, ticket: string, shaper: Shaper): StreamCall {
  const call = client.openStream();
  const credit = createCreditWindow();
  const closed = new AbortController();
  // What is typed and resized before the program runs waits for it.
  const inputTaken = Promise.withResolvers<(bytes: Uint8Array) => Promise<void>>();
  let size: { readonly columns: number; readonly rows: number } | undefined;
  let handleResize: (columns: number, rows: number) => void = (columns, rows) => {
    size = { columns, rows };
  };

  const close = (): void => {
    closed.abort();
    credit.close();
  };
  const receive = async (message: StreamDown): Promise<void> => {
    const { kind } = message;
    if (kind?.$case === "credit") credit.grant(Number(kind.value));
    else if (kind?.$case === "resize") handleResize(kind.value.columns, kind.value.rows);
    else if (kind?.$case === "input") await (await inputTaken.promise)(kind.value);
    else if (kind?.$case === "close") close();
  };
  call.on("data", (message: StreamDown) => {
    if (message.kind?.$case !== "input") return void receive(message).catch(close);
    // One at a time: a slow program slows the sender by HTTP/2's own flow control.
    call.pause();
    receive(message).then(() => call.resume(), close);
  });
  call.on("end", close);
  call.on("error", close);

  const send = (kind: Up): Promise<void> => {
    const turn = waits({ kind }) ? shaper.wait(classOf("openStream", { kind }), "sent", closed.signal) : undefined;
    return turn === undefined ? write(kind) : turn.then(() => write(kind));
  };
  const write = (kind: Up): Promise<void> => {
    if (closed.signal.aborted || call.write({ kind })) return Promise.resolve();
    return new Promise((resolve) => {
      call.once("drain", resolve);
      closed.signal.addEventListener("abort", () => resolve(), { once: true });
    });
  };
  call.write({ kind: { $case: "ticket", value: ticket } });
  return {
    credit,
    closed: closed.signal,
    send,
    end: (end) => {
      call.write({ kind: { $case: "end", value: end } });
      call.end();
    },
    onInput: inputTaken.resolve,
    onResize: (handler) => {
      handleResize = handler;
      if (size !== undefined) handler(size.columns, size.rows);
    },
  };
}

/** Sends output in pieces, as fast as the reader takes them. */
export async function sendOutput(call: StreamCall, $case: "output" | "errorOutput", bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length && !call.closed.aborted; at += PIECE_BYTES) {
    const piece = bytes.subarray(at, at + PIECE_BYTES);
    await call.credit.take(piece.length);
    await call.send({ $case, value: piece });
  }
}
