import type { Member } from "./enrol.ts";
import { openLink, type Call, type Endpoint, type Link } from "./link.ts";

/** A session with the bare server: a message each 15 s, every message that comes is answered. */
export interface EchoSession {
  readonly open: boolean;
  readonly resumed: boolean;
  start(): Promise<void>;
  stop(): void;
}

export const ECHO_PATH = "/windflow.bench.Echo/Talk";
// A small batch of figures.
const MESSAGE_BYTES = 600;
/** What is longer is a command and wants an answer. */
export const COMMAND_BYTES = 200;
const EVERY_MS = 15_000;

export function createEchoSession(endpoint: () => Endpoint, member: Member): EchoSession {
  let ticket: Buffer | undefined;
  let link: Link | undefined;
  let timer: NodeJS.Timeout | undefined;
  let open = false;
  let resumed = false;
  return {
    get open() {
      return open;
    },
    get resumed() {
      return resumed;
    },
    start: async () => {
      link = await openLink(endpoint(), member, ticket, (fresh) => (ticket = fresh));
      resumed = link.socket.isSessionReused();
      const call: Call = link.call(ECHO_PATH, {
        onMessage: ({ length }) => {
          open = true;
          if (length >= COMMAND_BYTES) call.send(new Uint8Array(1));
        },
        onEnd: () => (open = false),
      });
      call.send(new Uint8Array(MESSAGE_BYTES));
      const begin = setTimeout(() => {
        timer = setInterval(() => call.send(new Uint8Array(MESSAGE_BYTES)), EVERY_MS);
      }, Math.random() * EVERY_MS);
      timer = begin;
    },
    stop: () => {
      clearTimeout(timer);
      clearInterval(timer);
      link?.close();
      open = false;
    },
  };
}
