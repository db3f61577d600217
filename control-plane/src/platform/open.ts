import { setTimeout as sleep } from "node:timers/promises";
import type pg from "pg";
import type { Clock } from "./clock.ts";
import { createClient, createPool, requireServerVersion, type ConnectionSettings } from "./db/connection.ts";
import { createDatabase, type Database } from "./db/database.ts";
import { migrate, type Migration } from "./db/migrate.ts";
import { rolesSql } from "./db/roles.ts";
import { createEventBus, type EventBus } from "./events/bus.ts";
import { startListener } from "./events/listener.ts";
import { ProblemError, startErrors } from "./errors.ts";
import { createNewId, type NewId } from "./ids.ts";
import { createJobs, type Jobs } from "./jobs/jobs.ts";
import { field, type Log } from "./log.ts";
import { migrations as allMigrations } from "./migrations/index.ts";

/** The parts that every domain builds on. */
export interface Platform {
  readonly clock: Clock;
  readonly log: Log;
  readonly newId: NewId;
  readonly database: Database;
  readonly bus: EventBus;
  readonly jobs: Jobs;
  /** Stops the jobs, the listener and the pool; not an embedded server, which is somebody else's. */
  close(): Promise<void>;
}

/** Connects to the database, brings its schema up to date and starts to listen. Jobs are started by the caller. */
export async function openPlatform(parts: {
  connection: ConnectionSettings;
  clock: Clock;
  log: Log;
  migrations?: readonly Migration[];
}): Promise<Platform> {
  const { connection, clock, log } = parts;
  const newId = createNewId(clock);
  let closing = false;
  const pool = createPool(connection, (error) => {
    if (!closing) log.warn({ err: error, [field.area]: "database" }, "An idle database connection broke.");
  });
  try {
    await requireServerVersion(pool);
    await prepareSchema(connection, parts.migrations ?? allMigrations, log);
  } catch (error) {
    closing = true;
    await pool.end();
    throw explained(error);
  }
  const bus = createEventBus({ replicaId: newId("rep"), log });
  const database = createDatabase({ pool, bus, log });
  const listener = await startListener({ connect: () => createClient(connection, "events"), bus, clock, log });
  const jobs = createJobs({ database, bus, clock, log, newId });
  return {
    clock,
    log,
    newId,
    database,
    bus,
    jobs,
    close: async () => {
      closing = true;
      await jobs.stop();
      await listener.stop();
      await database.close();
    },
  };
}

/** What keeps us from the database, in a sentence: its host and its cause, never its password. */
function explained(error: unknown): unknown {
  if (error instanceof ProblemError || !(error instanceof Error)) return error;
  return new ProblemError({
    code: startErrors.WF_DATABASE_START_FAILED,
    detail: `the database cannot be used: ${error.message}`,
    cause: error,
  });
}

// Roles are shared by all databases of a server: another control plane may be preparing them at this moment, and the
// server refuses the second with "tuple concurrently updated" (XX000) instead of letting it wait.
const ROLE_ATTEMPTS = 10;
const ROLE_PAUSE_MS = 50;

async function prepareRoles(client: pg.Client): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await client.query(rolesSql);
      return;
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : "?";
      if (attempt === ROLE_ATTEMPTS || !reason.includes("concurrently updated")) {
        throw new ProblemError({
          code: startErrors.WF_DATABASE_MIGRATION,
          detail: `the roles windflow_tenant and windflow_system could not be prepared (${reason}); an administrator of the server can run: CREATE ROLE windflow_tenant NOLOGIN; CREATE ROLE windflow_system NOLOGIN; GRANT windflow_tenant, windflow_system TO the user of DATABASE_URL`,
          cause,
        });
      }
      await sleep(ROLE_PAUSE_MS * attempt);
    }
  }
}

async function prepareSchema(
  connection: ConnectionSettings,
  migrations: readonly Migration[],
  log: Log,
): Promise<void> {
  const client = createClient(connection, "migrations");
  client.on("error", () => undefined);
  await client.connect();
  try {
    await prepareRoles(client);
    await migrate(client, migrations, log);
  } finally {
    await client.end();
  }
}
