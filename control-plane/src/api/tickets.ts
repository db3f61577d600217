import {
  commonErrors,
  equalSecrets,
  ProblemError,
  randomToken,
  sha256,
  type Caller,
  type Clock,
} from "../platform/index.ts";

/** What a ticket opens, and for whom. */
export interface TicketPayload {
  /** Which handler gets the socket, e.g. "exec". */
  readonly kind: string;
  readonly caller: Caller;
  readonly payload: object;
}

/** Single-use permissions to open one WebSocket: a browser cannot send a header with an upgrade. */
export interface Tickets {
  issue(ticket: TicketPayload): { path: string; expiresAt: Date };
  /** Takes the ticket out of circulation. Throws WF_TICKET_INVALID. */
  redeem(secret: string): TicketPayload;
}

const LIFE_MS = 30_000;
const SECRET_BYTES = 32;
// Far above what people open within half a minute; an automaton that asks for more is refused the oldest ones.
const OPEN_TICKETS = 10_000;
export const TERMINALS_PATH = "/v1/terminals/";

/**
 * Tickets live in the memory of the replica that issued them: a browser opens its terminal on the connection pool of
 * the same address, and a ticket that arrives elsewhere is refused like any other unknown one.
 */
export function createTickets(clock: Clock): Tickets {
  const open = new Map<string, TicketPayload & { hash: Buffer; expiresMs: number }>();

  function dropExpired(nowMs: number): void {
    for (const [id, ticket] of open) {
      if (ticket.expiresMs > nowMs && open.size <= OPEN_TICKETS) return;
      open.delete(id);
    }
  }

  return {
    issue: (ticket) => {
      const nowMs = clock.now().getTime();
      const id = randomToken(9);
      const secret = randomToken(SECRET_BYTES);
      open.set(id, { ...ticket, hash: sha256(secret), expiresMs: nowMs + LIFE_MS });
      dropExpired(nowMs);
      return { path: `${TERMINALS_PATH}${id}.${secret}`, expiresAt: new Date(nowMs + LIFE_MS) };
    },
    redeem: (text) => {
      const [id = "", secret = ""] = text.split(".", 2);
      const ticket = open.get(id);
      open.delete(id);
      const valid =
        ticket !== undefined && ticket.expiresMs > clock.now().getTime() && equalSecrets(ticket.hash, sha256(secret));
      if (!valid) throw new ProblemError({ code: commonErrors.WF_TICKET_INVALID });
      return { kind: ticket.kind, caller: ticket.caller, payload: ticket.payload };
    },
  };
}
