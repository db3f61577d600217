import { randomBytes } from "node:crypto";
import { sql } from "kysely";
import { tablesOf, type Clock, type Database, type Sealer, type UnitOfWork } from "../../platform/index.ts";

/**
 * The keys of TLS session tickets of the agents' door, shared by all replicas and kept over a restart: ten thousand
 * agents that come back at once resume instead of signing and verifying.
 */
export interface TicketKeys {
  /** The keys that count now; new ones when the old ones are too old. */
  current(): Promise<Buffer>;
}

interface Tables {
  installation_settings: { name: string; value: unknown };
}
interface Stored {
  /** Base64 of the sealed keys: who reads the database must not read recorded connections. */
  sealed: string;
  madeAt: string;
}

const NAME = "agent-door-ticket-keys";
// What OpenSSL takes: name, HMAC key and AES key, 16 bytes each.
const KEY_BYTES = 48;
const LIFE_MS = 12 * 60 * 60_000;

export function createTicketKeys(parts: { database: Database; sealer: Sealer; clock: Clock }): TicketKeys {
  const { database, sealer, clock } = parts;
  const open = (stored: Stored): Buffer => Buffer.from(sealer.open(Buffer.from(stored.sealed, "base64"), NAME));

  async function stored(tx: UnitOfWork): Promise<Stored | undefined> {
    const row = await tablesOf<Tables>(tx)
      .selectFrom("installation_settings")
      .select("value")
      .where("name", "=", NAME)
      .forUpdate()
      .executeTakeFirst();
    const value = row?.value as Stored | undefined;
    if (value === undefined) return undefined;
    return clock.now().getTime() - new Date(value.madeAt).getTime() < LIFE_MS ? value : undefined;
  }

  return {
    current: () =>
      database.asSystem(async (tx) => {
        // Two replicas that start on an empty table at once: the second waits and finds the keys of the first.
        await sql`SELECT pg_advisory_xact_lock(hashtext(${NAME}))`.execute(tx.queries);
        const found = await stored(tx);
        if (found !== undefined) return open(found);
        const keys = randomBytes(KEY_BYTES);
        const sealed = Buffer.from(sealer.seal(keys, NAME)).toString("base64");
        const value = JSON.stringify({ sealed, madeAt: clock.now().toISOString() } satisfies Stored);
        await tablesOf<Tables>(tx)
          .insertInto("installation_settings")
          .values({ name: NAME, value })
          .onConflict((conflict) => conflict.column("name").doUpdateSet({ value }))
          .execute();
        return keys;
      }),
  };
}
