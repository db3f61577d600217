import type { Socket } from "node:net";

/**
 * The connections that have not finished their handshake. There is room for a fixed number: one more pushes out the
 * oldest. An honest client is through within milliseconds; ten thousand that say nothing push out each other.
 */
export interface WaitingRoom {
  enter(socket: Socket): void;
  leave(socket: Socket): void;
  readonly size: number;
  /** How many were pushed out since the last time it was asked. */
  takePushedOut(): number;
}

export function createWaitingRoom(limit: number): WaitingRoom {
  // A Set keeps the order of insertion: its first element is the oldest.
  const waiting = new Set<Socket>();
  let pushedOut = 0;
  return {
    enter: (socket) => {
      waiting.add(socket);
      if (waiting.size <= limit) return;
      for (const oldest of waiting) {
        waiting.delete(oldest);
        oldest.destroy();
        pushedOut++;
        break;
      }
    },
    leave: (socket) => {
      waiting.delete(socket);
    },
    get size() {
      return waiting.size;
    },
    takePushedOut: () => {
      const count = pushedOut;
      pushedOut = 0;
      return count;
    },
  };
}
