import type { Socket } from "node:net";
import { readFirstBytes, type FirstBytes } from "./client-hello.ts";

// A ClientHello of Node 24 has 1,595 bytes, with post-quantum keys; beyond 8 KiB it is none.
export const HELLO_BYTES: number = 8 * 1024;
const HELLO_PATIENCE_MS = 5_000;

/** Reads from the socket until it is known what it is, and calls one of the two once; the bytes are the caller's to put back. */
export function peek(
  socket: Socket,
  outcome: { decided: (first: FirstBytes, seen: Buffer) => void; gaveUp: () => void },
): void {
  let seen: Buffer = Buffer.alloc(0);
  let stopped = false;
  const giveUp = (): void => {
    if (stopped) return;
    outcome.gaveUp();
    socket.destroy();
  };
  // A process that was busy for so long has not looked yet whether something was said: it does so before the second turn.
  const patience = setTimeout(() => setImmediate(giveUp), HELLO_PATIENCE_MS);
  const stop = (): void => {
    stopped = true;
    clearTimeout(patience);
    socket.off("readable", read);
    socket.off("end", stop);
    socket.off("close", stop);
  };
  const read = (): void => {
    for (let chunk = socket.read() as Buffer | null; chunk !== null; chunk = socket.read() as Buffer | null) {
      seen = seen.length === 0 ? chunk : Buffer.concat([seen, chunk]);
    }
    const first = readFirstBytes(seen);
    if (first.kind === "more" && seen.length < HELLO_BYTES) return;
    stop();
    const bytes = seen;
    // What listens to the socket outlives this by as long as the connection lasts.
    seen = Buffer.alloc(0);
    outcome.decided(first.kind === "more" ? { kind: "unknown" } : first, bytes);
  };
  socket.on("readable", read);
  socket.once("end", stop);
  socket.once("close", stop);
}
