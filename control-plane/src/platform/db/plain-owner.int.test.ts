import { sql } from "kysely";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startTestDatabase, type TestDatabase } from "../../testing/database.ts";
import { createLog, openPlatform, systemClock } from "../index.ts";
import { createClient, type ConnectionSettings } from "./connection.ts";

const log = createLog({ level: "silent" });
const OWNER = `plain_owner_${process.pid}`;
let server: TestDatabase;
let plain: ConnectionSettings;

async function asSuperuser(...statements: string[]): Promise<void> {
  const client = createClient(server.connection, "test");
  await client.connect();
  for (const statement of statements) await client.query(statement);
  await client.end();
}

/** The database of a managed server: its owner may make roles, and is no superuser. */
beforeAll(async () => {
  server = await startTestDatabase(log);
  const { url } = server.connection;
  const database = url === undefined ? `owned_${process.pid}` : new URL(url).pathname.slice(1);
  await asSuperuser(`CREATE ROLE ${OWNER} LOGIN CREATEROLE NOSUPERUSER PASSWORD 'plain'`);
  if (url === undefined) {
    await asSuperuser(`CREATE DATABASE ${database} OWNER ${OWNER}`);
    plain = { ...server.connection, user: OWNER, password: "plain", database };
    return;
  }
  await asSuperuser(`ALTER DATABASE ${database} OWNER TO ${OWNER}`);
  const own = new URL(url);
  own.username = OWNER;
  own.password = "plain";
  plain = { url: own.toString() };
});
afterAll(async () => {
  if (server?.connection.url !== undefined) {
    await asSuperuser(`REASSIGN OWNED BY ${OWNER} TO CURRENT_USER`, `DROP OWNED BY ${OWNER}`, `DROP ROLE ${OWNER}`);
  }
  await server?.stop();
});

test("an owner who is no superuser migrates, works for organizations, and sees no row outside of the two roles", async () => {
  const platform = await openPlatform({ connection: plain, clock: systemClock, log });
  await platform.database.asSystem((tx) =>
    sql`INSERT INTO organizations (id, name, created_at) VALUES ('org_a', 'a', now()), ('org_b', 'b', now())`.execute(
      tx.queries,
    ),
  );
  const seen = await platform.database.inOrganization("org_a", async (tx) => {
    const answer = await sql<{ id: string }>`SELECT id FROM organizations`.execute(tx.queries);
    return answer.rows.map((row) => row.id);
  });
  expect(seen).toEqual(["org_a"]);
  const all = await platform.database.asSystem((tx) => sql`SELECT id FROM organizations`.execute(tx.queries));
  expect(all.rows).toHaveLength(2);
  await platform.close();
  // The second start finds everything as it was.
  await (await openPlatform({ connection: plain, clock: systemClock, log })).close();
});

test("a user who may not make the roles is told what an administrator has to run", async () => {
  const name = `poor_${process.pid}`;
  await asSuperuser(`CREATE ROLE ${name} LOGIN NOCREATEROLE PASSWORD 'plain'`);
  const poor = plain.url === undefined ? { ...plain, user: name } : { url: plain.url.replace(OWNER, name) };
  await expect(openPlatform({ connection: poor, clock: systemClock, log })).rejects.toThrow(
    /GRANT windflow_tenant, windflow_system TO/,
  );
  await asSuperuser(`DROP ROLE ${name}`);
});
