import {
  tablesOf,
  commonErrors,
  ProblemError,
  sha256Hex,
  type Caller,
  type Clock,
  type Database,
  type Sealer,
} from "../platform/index.ts";

export interface Idempotency {
  /**
   * Runs `work` for the first request with the key; a repetition within 24 h gets the first answer's bytes.
   * Throws WF_IDEMPOTENCY_MISMATCH for another request with the same key, WF_IDEMPOTENCY_BUSY while the first runs.
   */
  once(
    request: { caller: Caller; key: string; method: string; request: Uint8Array },
    work: () => Promise<Uint8Array>,
  ): Promise<Uint8Array>;
  /** Removes the keys that are too old to count. */
  sweep(): Promise<void>;
}

interface Tables {
  idempotency_keys: {
    organization_id: string;
    caller_id: string;
    key: string;
    request_sha256: string;
    response: Buffer | null;
    created_at: Date;
  };
}

const KEPT_MS = 24 * 60 * 60_000;
// A first request that has no answer after this long died with its process: the next one may run.
const ABANDONED_MS = 2 * 60_000;
const KEY_CHARACTERS = 200;

export function createIdempotency(parts: { database: Database; clock: Clock; sealer: Sealer }): Idempotency {
  const { database, clock, sealer } = parts;
  type Row = { caller: Caller; key: string; hash: string };

  // Answers carry secrets that are shown once (tokens): they are sealed like everything of that kind.
  const context = (row: Row): string => `idempotency/${row.caller.organizationId}/${row.caller.id}/${row.hash}`;

  /** The stored answer, or undefined when the key was free and is now ours. */
  function begin(row: Row): Promise<Uint8Array | undefined> {
    return database.inOrganization(row.caller, async (tx) => {
      const keys = tablesOf<Tables>(tx);
      const now = clock.now();
      const inserted = await keys
        .insertInto("idempotency_keys")
        .values({
          organization_id: row.caller.organizationId,
          caller_id: row.caller.id,
          key: row.key,
          request_sha256: row.hash,
          response: null,
          created_at: now,
        })
        .onConflict((conflict) => conflict.doNothing())
        .executeTakeFirst();
      if (inserted.numInsertedOrUpdatedRows === 1n) return undefined;
      const first = await keys
        .selectFrom("idempotency_keys")
        .select(["request_sha256", "response", "created_at"])
        .where("caller_id", "=", row.caller.id)
        .where("key", "=", row.key)
        .forUpdate()
        .executeTakeFirstOrThrow();
      const ageMs = now.getTime() - first.created_at.getTime();
      if (ageMs > KEPT_MS || (first.response === null && ageMs > ABANDONED_MS)) {
        await keys
          .updateTable("idempotency_keys")
          .set({ request_sha256: row.hash, response: null, created_at: now })
          .where("caller_id", "=", row.caller.id)
          .where("key", "=", row.key)
          .execute();
        return undefined;
      }
      if (first.request_sha256 !== row.hash) throw new ProblemError({ code: commonErrors.WF_IDEMPOTENCY_MISMATCH });
      if (first.response === null) throw new ProblemError({ code: commonErrors.WF_IDEMPOTENCY_BUSY });
      return sealer.open(first.response, context(row));
    });
  }

  async function finish(row: Row, response: Uint8Array): Promise<void> {
    await database.inOrganization(row.caller, (tx) =>
      tablesOf<Tables>(tx)
        .updateTable("idempotency_keys")
        .set({ response: Buffer.from(sealer.seal(response, context(row))) })
        .where("caller_id", "=", row.caller.id)
        .where("key", "=", row.key)
        .execute(),
    );
  }

  async function forget(row: Row): Promise<void> {
    await database.inOrganization(row.caller, (tx) =>
      tablesOf<Tables>(tx)
        .deleteFrom("idempotency_keys")
        .where("caller_id", "=", row.caller.id)
        .where("key", "=", row.key)
        .execute(),
    );
  }

  return {
    once: async ({ caller, key, method, request }, work) => {
      if (key === "" || key.length > KEY_CHARACTERS) {
        const detail = `an Idempotency-Key has 1 to ${KEY_CHARACTERS} characters`;
        throw new ProblemError({ code: commonErrors.WF_INVALID_ARGUMENT, detail });
      }
      const row: Row = { caller, key, hash: sha256Hex(Buffer.concat([Buffer.from(`${method}\0`), request])) };
      const stored = await begin(row);
      if (stored !== undefined) return stored;
      let response: Uint8Array;
      try {
        response = await work();
      } catch (error) {
        // What failed may be tried again with the same key.
        await forget(row).catch(() => undefined);
        throw error;
      }
      await finish(row, response);
      return response;
    },
    sweep: async () => {
      const oldest = new Date(clock.now().getTime() - KEPT_MS);
      await database.asSystem((tx) =>
        tablesOf<Tables>(tx).deleteFrom("idempotency_keys").where("created_at", "<", oldest).execute(),
      );
    },
  };
}
