import type { Socket } from "node:net";
import { HELLO_BYTES } from "./peek.ts";

/**
 * Who may begin a handshake. A storm of thousands is let in by a few hundred at a time, each of which is through soon, instead of
 * all at once, of which none is for half a minute and many give up when most of the work is done. First come, first served; one
 * that gives up while it waits has cost nothing.
 */
export interface Turns {
  /** Calls `begin` when it is the socket's turn, at once if nobody waits; the bytes that were read of it are put back before. */
  wait(socket: Socket, seen: Buffer, begin: () => void): void;
  /** The socket's turn is over. That of one that is closed, or takes too long, ends by itself. */
  done(socket: Socket): void;
}

// A handshake that begins takes some tenths of a millisecond.
const BEGUN_TOGETHER = 16;

/** @param options.longestMs a turn that takes longer counts no more: nobody holds up the others by being slow */
export function createTurns(options: { atOnce: number; longestMs: number }): Turns {
  const inTurn = new Map<Socket, NodeJS.Timeout>();
  // A Map keeps the order of insertion: its first entry waits the longest.
  const waiting = new Map<Socket, () => void>();

  let next: NodeJS.Immediate | undefined;

  function admit(socket: Socket, begin: () => void): void {
    const timer = setTimeout(() => done(socket), options.longestMs);
    timer.unref();
    inTurn.set(socket, timer);
    begin();
  }

  function done(socket: Socket): void {
    const timer = inTurn.get(socket);
    if (timer === undefined) return;
    clearTimeout(timer);
    inTurn.delete(socket);
    next ??= setImmediate(admitNext);
  }

  /** A few, and then everything else has a turn, too: hundreds may have become free at once. */
  function admitNext(): void {
    next = undefined;
    let admitted = 0;
    for (const [socket, begin] of waiting) {
      if (inTurn.size >= options.atOnce) return;
      if (admitted++ === BEGUN_TOGETHER) {
        next = setImmediate(admitNext);
        return;
      }
      waiting.delete(socket);
      if (!socket.destroyed) admit(socket, begin);
    }
  }

  // Apart from what was read: this lives as long as the connection.
  function endWithConnection(socket: Socket): void {
    socket.once("close", () => {
      waiting.delete(socket);
      done(socket);
    });
  }

  return {
    done,
    wait: (socket, seen, begin) => {
      endWithConnection(socket);
      if (inTurn.size < options.atOnce && waiting.size === 0) {
        return admit(socket, () => {
          socket.unshift(seen);
          begin();
        });
      }
      waiting.set(socket, held(socket, seen, begin));
      next ??= setImmediate(admitNext);
    },
  };
}

/** Goes on reading, for that is how the end of a connection is heard of. Returns how to stop and to begin. */
function held(socket: Socket, seen: Buffer, begin: () => void): () => void {
  let bytes = seen;
  const read = (): void => {
    for (let chunk = socket.read() as Buffer | null; chunk !== null; chunk = socket.read() as Buffer | null) {
      bytes = Buffer.concat([bytes, chunk]);
      // Nobody who waits for an answer to its first message has so much to say.
      if (bytes.length > HELLO_BYTES) return void socket.destroy();
    }
  };
  socket.on("readable", read);
  return () => {
    socket.off("readable", read);
    socket.unshift(bytes);
    begin();
  };
}
