import { afterAll, beforeAll, expect, test } from "vitest";
import { startTestDatabase, type TestDatabase } from "../../testing/database.ts";
import { systemClock } from "../clock.ts";
import { createLog } from "../log.ts";
import { openPlatform } from "../open.ts";
import { createClient } from "./connection.ts";
import { SYSTEM_ROLE, TENANT_ROLE } from "./roles.ts";

const log = createLog({ level: "silent" });
const DATABASES = 8;
let server: TestDatabase;

beforeAll(async () => {
  server = await startTestDatabase(log);
});
afterAll(() => server.stop());

const names = Array.from({ length: DATABASES }, (_, index) => `windflow_roles_${process.pid}_${index}`);

async function onServer(statements: readonly string[]): Promise<void> {
  const client = createClient(server.connection, "test");
  await client.connect();
  for (const statement of statements) await client.query(statement);
  await client.end();
}

function connectionTo(database: string): TestDatabase["connection"] {
  const { url } = server.connection;
  if (url === undefined) return { ...server.connection, database };
  const own = new URL(url);
  own.pathname = `/${database}`;
  return { url: own.toString() };
}

test("control planes on several databases of one server start at the same moment", async () => {
  await onServer(names.map((name) => `CREATE DATABASE ${name}`));
  try {
    const opened = await Promise.all(
      names.map((name) => openPlatform({ connection: connectionTo(name), clock: systemClock, log })),
    );
    for (const platform of opened) await platform.close();
    expect(opened).toHaveLength(DATABASES);
  } finally {
    await onServer(names.map((name) => `DROP DATABASE ${name} WITH (FORCE)`));
  }
});

test("the roles that they share can do nothing by themselves", async () => {
  const client = createClient(server.connection, "test");
  await client.connect();
  const { rows } = await client.query<{ rolcanlogin: boolean; rolbypassrls: boolean; rolsuper: boolean }>(
    "SELECT rolcanlogin, rolbypassrls, rolsuper FROM pg_roles WHERE rolname = ANY($1)",
    [[TENANT_ROLE, SYSTEM_ROLE]],
  );
  await client.end();
  expect(rows).toEqual(Array.from({ length: 2 }, () => ({ rolcanlogin: false, rolbypassrls: false, rolsuper: false })));
});
