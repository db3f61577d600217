import {
  commonErrors,
  equalSecrets,
  ProblemError,
  randomToken,
  sha256,
  tablesOf,
  type Caller,
  type Clock,
  type Database,
  type NewId,
  type Sealer,
} from "../platform/index.ts";

/** What a ticket opens, and for whom. */
export interface TicketPayload {
  /** Which handler gets the socket, e.g. "exec". */
  readonly kind: string;
  readonly caller: Caller;
  /** Plain JSON. */
  readonly payload: object;
}

/**
 * Single-use permissions to open one WebSocket: a browser cannot send a header with an upgrade. They are kept in the
 * database, for the upgrade may arrive at another replica.
 */
export interface Tickets {
  issue(ticket: TicketPayload): Promise<{ path: string; expiresAt: Date }>;
  /** Takes the ticket out of circulation. Throws WF_TICKET_INVALID. */
  redeem(text: string): Promise<TicketPayload>;
}

interface Tables {
  tickets: {
    id: string;
    organization_id: string;
    secret_sha256: Buffer;
    sealed_content: Buffer;
    expires_at: Date;
  };
}
interface Content {
  kind: string;
  caller: Omit<Caller, "permissions"> & { permissions: readonly string[] };
  payload: object;
}

const LIFE_MS = 30_000;
const SECRET_BYTES = 32;
export const TERMINALS_PATH = "/v1/terminals/";

export function createTickets(parts: { database: Database; sealer: Sealer; clock: Clock; newId: NewId }): Tickets {
  const { database, sealer, clock, newId } = parts;
  // A command to run in a terminal may have a secret among its arguments.
  const context = (id: string): string => `ticket/${id}`;

  return {
    issue: async ({ kind, caller, payload }) => {
      const id = newId("tkt");
      const secret = randomToken(SECRET_BYTES);
      const now = clock.now();
      const expiresAt = new Date(now.getTime() + LIFE_MS);
      const content: Content = { kind, payload, caller: { ...caller, permissions: [...caller.permissions] } };
      await database.inOrganization(caller, async (tx) => {
        const tickets = tablesOf<Tables>(tx);
        await tickets.deleteFrom("tickets").where("expires_at", "<", now).execute();
        await tickets
          .insertInto("tickets")
          .values({
            id,
            organization_id: caller.organizationId,
            secret_sha256: sha256(secret),
            sealed_content: Buffer.from(sealer.seal(Buffer.from(JSON.stringify(content)), context(id))),
            expires_at: expiresAt,
          })
          .execute();
      });
      return { path: `${TERMINALS_PATH}${id}.${secret}`, expiresAt };
    },

    redeem: async (text) => {
      const [id = "", secret = ""] = text.split(".", 2);
      // Deleted and read in one statement: of two that come at once, one finds nothing.
      const ticket = await database.asSystem((tx) =>
        tablesOf<Tables>(tx).deleteFrom("tickets").where("id", "=", id).returningAll().executeTakeFirst(),
      );
      if (
        ticket === undefined ||
        ticket.expires_at <= clock.now() ||
        !equalSecrets(ticket.secret_sha256, sha256(secret))
      ) {
        throw new ProblemError({ code: commonErrors.WF_TICKET_INVALID });
      }
      const content = JSON.parse(
        Buffer.from(sealer.open(ticket.sealed_content, context(id))).toString("utf8"),
      ) as Content;
      return { ...content, caller: { ...content.caller, permissions: new Set(content.caller.permissions) } };
    },
  };
}
