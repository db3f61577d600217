import type { Socket } from "node:net";

/** Bytes of one direction and the other, since the agent started. */
export interface WireBytes {
  readonly in: number;
  readonly out: number;
}

/** Counts what the connections to the control plane carry: TLS and all within it, without the headers of TCP and IP. */
export interface WireMeter {
  follow(socket: Socket): void;
  bytes(): WireBytes;
}

export function createWireMeter(): WireMeter {
  const open = new Set<Socket>();
  const ended = { in: 0, out: 0 };
  return {
    follow: (socket) => {
      open.add(socket);
      socket.once("close", () => {
        if (!open.delete(socket)) return;
        ended.in += socket.bytesRead;
        ended.out += socket.bytesWritten;
      });
    },
    bytes: () => {
      const sum = { ...ended };
      for (const socket of open) {
        sum.in += socket.bytesRead;
        sum.out += socket.bytesWritten;
      }
      return sum;
    },
  };
}
