import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { copyEmptyCluster } from "./cluster-template.ts";
import {
  randomToken,
  startEmbeddedPostgres,
  systemClock,
  type ConnectionSettings,
  type Log,
} from "../platform/index.ts";

/** A fresh, empty database for one test file. */
export interface TestDatabase {
  readonly connection: ConnectionSettings;
  /** Names the server in the test's output: "embedded PostgreSQL" or "TEST_DATABASE_URL". */
  readonly server: string;
  stop(): Promise<void>;
}

/**
 * On the server of `TEST_DATABASE_URL` when it is set (a new database there, dropped afterwards), else on an embedded
 * server of its own in a temporary folder.
 */
export async function startTestDatabase(log: Log): Promise<TestDatabase> {
  const url = process.env["TEST_DATABASE_URL"];
  return url === undefined || url === "" ? startEmbedded(log) : createOn(url);
}

async function startEmbedded(log: Log): Promise<TestDatabase> {
  const stateDirectory = await mkdtemp(join(tmpdir(), "windflow-test-"));
  await copyEmptyCluster(stateDirectory, log);
  // The server's user has to pass through.
  await chmod(stateDirectory, 0o711);
  const server = await startEmbeddedPostgres({ stateDirectory, clock: systemClock, log });
  return {
    connection: server.connection,
    server: "embedded PostgreSQL",
    stop: async () => {
      await server.stop();
      await rm(stateDirectory, { recursive: true, force: true });
    },
  };
}

async function createOn(url: string): Promise<TestDatabase> {
  const name = `windflow_test_${randomToken(6)
    .toLowerCase()
    .replaceAll(/[^a-z0-9]/g, "x")}_${Date.now()}`;
  await onServer(url, `CREATE DATABASE ${name}`);
  const own = new URL(url);
  own.pathname = `/${name}`;
  return {
    connection: { url: own.toString() },
    server: "TEST_DATABASE_URL",
    stop: () => onServer(url, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`),
  };
}

async function onServer(url: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}
