import { Kysely, PostgresDialect, sql } from "kysely";
import type pg from "pg";
import type { EventBus, EventEnvelope, EventType } from "../events/bus.ts";
import { NOTIFY_CHANNEL, notifyPayloads } from "../events/notify.ts";
import type { Log } from "../log.ts";
import { field } from "../log.ts";
import { asProblem, isRetryable } from "./failures.ts";
import { ORGANIZATION_SETTING, SYSTEM_ROLE, TENANT_ROLE } from "./roles.ts";
import type { UnitOfWork } from "./unit-of-work.ts";

export interface UnitOptions {
  /** Longest time of one statement. */
  statementTimeoutMs?: number;
  /** Refuses writes; for lists and watches. */
  readOnly?: boolean;
}

export interface Database {
  /** One transaction that sees the rows of one organization only. A deadlock makes `work` run again from its start. */
  inOrganization<Result>(
    organization: string | { readonly organizationId: string },
    work: (tx: UnitOfWork) => Promise<Result>,
    options?: UnitOptions,
  ): Promise<Result>;
  /** One transaction across organizations: sign-in, sessions of agents, jobs. Never for what a user asked for. */
  asSystem<Result>(work: (tx: UnitOfWork) => Promise<Result>, options?: UnitOptions): Promise<Result>;
  /** Throws WF_DATABASE_UNAVAILABLE when the server does not answer. */
  ping(): Promise<void>;
  close(): Promise<void>;
}

// Above the slowest list that is allowed; a statement that runs longer is stopped by the server.
const STATEMENT_TIMEOUT_MS = 30_000;
// Waiting longer for a row lock means that something holds it wrongly: fail and say so.
const LOCK_TIMEOUT_MS = 10_000;
// A unit of work that waits for anything but the database holds rows and a connection for it: the server ends it.
const IDLE_TIMEOUT_MS = 60_000;
const ATTEMPTS = 4;

interface Parts {
  pool: pg.Pool;
  bus: EventBus;
  log: Log;
}

export function createDatabase(parts: Parts): Database {
  const { pool, bus, log } = parts;
  const kysely = new Kysely<unknown>({ dialect: new PostgresDialect({ pool }) });

  async function attempt<Result>(
    organizationId: string | undefined,
    work: (tx: UnitOfWork) => Promise<Result>,
    options: UnitOptions,
  ): Promise<{ result: Result; events: EventEnvelope[]; hooks: (() => void | Promise<void>)[] }> {
    const events: EventEnvelope[] = [];
    const hooks: (() => void | Promise<void>)[] = [];
    const result = await kysely
      .transaction()
      .setAccessMode(options.readOnly ? "read only" : "read write")
      .execute(async (queries) => {
        await enter(queries, organizationId, options);
        const value = await work({
          organizationId,
          queries,
          emit: <Payload extends object>(type: EventType<Payload>, payload: Payload) => {
            events.push({ name: type.name, payload });
          },
          afterCommit: (hook) => {
            hooks.push(hook);
          },
        });
        // In the transaction: the server sends notifications at the commit, and drops them with a rollback.
        const texts = notifyPayloads(bus.replicaId, events);
        if (texts.length > 0)
          await sql`SELECT pg_notify(${NOTIFY_CHANNEL}, text) FROM unnest(${texts}::text[]) AS text`.execute(queries);
        return value;
      });
    return { result, events, hooks };
  }

  async function run<Result>(
    organizationId: string | undefined,
    work: (tx: UnitOfWork) => Promise<Result>,
    options: UnitOptions,
  ): Promise<Result> {
    for (let round = 1; ; round++) {
      try {
        const { result, events, hooks } = await attempt(organizationId, work, options);
        for (const event of events) bus.deliver(event);
        for (const hook of hooks) await runHook(hook, log);
        return result;
      } catch (error) {
        if (round < ATTEMPTS && isRetryable(error)) continue;
        throw asProblem(error);
      }
    }
  }

  return {
    inOrganization: (organization, work, options = {}) => {
      const organizationId = typeof organization === "string" ? organization : organization.organizationId;
      if (organizationId === "") throw new TypeError("a unit of work in an organization needs the organization's id");
      return run(organizationId, work, options);
    },
    asSystem: (work, options = {}) => run(undefined, work, options),
    ping: async () => {
      await pool.query("SELECT 1").catch((error: unknown) => {
        throw asProblem(error);
      });
    },
    close: () => kysely.destroy(),
  };
}

async function enter(
  queries: Kysely<unknown>,
  organizationId: string | undefined,
  options: UnitOptions,
): Promise<void> {
  const role = organizationId === undefined ? SYSTEM_ROLE : TENANT_ROLE;
  const statementTimeout = String(options.statementTimeoutMs ?? STATEMENT_TIMEOUT_MS);
  await sql`SELECT set_config(${ORGANIZATION_SETTING}, ${organizationId ?? ""}, true),
    set_config('statement_timeout', ${statementTimeout}, true),
    set_config('idle_in_transaction_session_timeout', ${String(IDLE_TIMEOUT_MS)}, true),
    set_config('lock_timeout', ${String(LOCK_TIMEOUT_MS)}, true),
    set_config('role', ${role}, true)`.execute(queries);
}

async function runHook(hook: () => void | Promise<void>, log: Log): Promise<void> {
  try {
    await hook();
  } catch (error) {
    log.error({ err: error, [field.area]: "database" }, "A hook after a commit failed; the commit stands.");
  }
}
