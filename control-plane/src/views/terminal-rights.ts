import { sql } from "kysely";
import type { TerminalRights } from "../containers/index.ts";
import { rightsChanged } from "../identity/index.ts";
import type { Clock, Database, EventBus } from "../platform/index.ts";

// Stored for administrators: every permission, also those of later versions.
const ALL = "*";

/** Asks afresh whether whoever opened a terminal may still have it: a ticket says only who asked for it. */
export function createTerminalRights(parts: {
  readonly database: Database;
  readonly bus: EventBus;
  readonly clock: Clock;
}): TerminalRights {
  const { database, bus, clock } = parts;
  return {
    stillAllowed: ({ caller, sessionId }, permission) =>
      database.asSystem(
        async (tx) => {
          const wanted = [permission, ALL];
          const now = clock.now();
          const answer =
            caller.kind === "token"
              ? await sql`SELECT 1 FROM api_tokens t JOIN users u ON u.id = t.user_id
                  JOIN memberships m ON m.user_id = u.id AND m.organization_id = t.organization_id
                  WHERE t.id = ${caller.id} AND t.organization_id = ${caller.organizationId}
                    AND t.revoked_at IS NULL AND (t.expires_at IS NULL OR t.expires_at > ${now})
                    AND u.disabled_at IS NULL AND t.permissions && ${wanted} AND m.permissions && ${wanted}`.execute(
                  tx.queries,
                )
              : await sql`SELECT 1 FROM users u JOIN memberships m ON m.user_id = u.id
                  WHERE u.id = ${caller.id} AND m.organization_id = ${caller.organizationId}
                    AND u.disabled_at IS NULL AND m.permissions && ${wanted}
                    AND (${sessionId ?? null}::text IS NULL OR EXISTS (
                      SELECT FROM user_sessions s WHERE s.id = ${sessionId ?? null} AND s.expires_at > ${now}))`.execute(
                  tx.queries,
                );
          return answer.rows.length > 0;
        },
        { readOnly: true },
      ),
    onChange: (handler) => {
      const stops = [bus.on(rightsChanged, handler), bus.onGap(handler)];
      return () => {
        for (const stop of stops) stop();
      };
    },
  };
}
