import pg from "pg";
import { ProblemError, startErrors } from "../errors.ts";
import { timeInUtc } from "./time-text.ts";

/** Where the database is: a URL of the user's, or the socket of the embedded server. */
export interface ConnectionSettings {
  readonly url?: string;
  readonly host?: string;
  readonly port?: number;
  readonly user?: string;
  readonly password?: string;
  readonly database?: string;
}

// Enough for the bursts of one process; the embedded server allows 60 connections, two processes fit.
const POOL_CONNECTIONS = 20;
// A request that cannot get a connection for this long is answered "unavailable" rather than queued further.
const CONNECT_TIMEOUT_MS = 10_000;
const OLDEST_SERVER = 150_000;

const INT8_OID = 20;
const TIMESTAMPTZ_OID = 1184;
const ofDriver = pg.types.getTypeParser(TIMESTAMPTZ_OID, "text") as (value: string) => Date;
const TEXTS: Readonly<Record<number, (value: string) => unknown>> = {
  // int8 as bigint: the driver's own choice is text, and a number would lose digits silently.
  [INT8_OID]: BigInt,
  [TIMESTAMPTZ_OID]: (value) => timeInUtc(value) ?? ofDriver(value),
};
const types: pg.CustomTypesConfig = {
  getTypeParser: ((oid: number, format?: "text" | "binary") =>
    (format !== "binary" && TEXTS[oid]) ||
    pg.types.getTypeParser(oid, format as "text")) as pg.CustomTypesConfig["getTypeParser"],
};

function clientConfig(settings: ConnectionSettings, applicationName: string): pg.ClientConfig {
  const { url, ...parts } = settings;
  return {
    ...(url === undefined ? parts : { connectionString: url }),
    application_name: applicationName,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    keepAlive: true,
    types,
  };
}

export function createPool(settings: ConnectionSettings, onIdleError: (error: Error) => void): pg.Pool {
  const pool = new pg.Pool({ ...clientConfig(settings, "windflow"), max: POOL_CONNECTIONS });
  // An idle connection that breaks (server restart) is replaced by the pool; without a listener it ends the process.
  pool.on("error", onIdleError);
  // The pool does not listen while a connection is in use, and the query that is told of the break may be over already.
  pool.on("connect", (client) => client.on("error", () => undefined));
  return pool;
}

export function createClient(settings: ConnectionSettings, purpose: string): pg.Client {
  return new pg.Client(clientConfig(settings, `windflow ${purpose}`));
}

/** Throws WF_DATABASE_TOO_OLD for a server before PostgreSQL 15. */
export async function requireServerVersion(pool: pg.Pool): Promise<void> {
  const answer = await pool.query<{ number: string; name: string }>(
    "SELECT current_setting('server_version_num') AS number, current_setting('server_version') AS name",
  );
  const row = answer.rows[0];
  if (row !== undefined && Number(row.number) >= OLDEST_SERVER) return;
  throw new ProblemError({
    code: startErrors.WF_DATABASE_TOO_OLD,
    detail: `the server at DATABASE_URL is PostgreSQL ${row?.name ?? "of an unknown version"}`,
  });
}
