import { sql } from "kysely";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startTestDatabase, type TestDatabase } from "../testing/database.ts";
import { createLog, openPlatform, systemClock, type Platform } from "./index.ts";

const log = createLog({ level: "silent" });
let server: TestDatabase;
let platform: Platform;
let tables: { name: string; hasOrganization: boolean; forced: boolean; tenantReads: boolean }[];

beforeAll(async () => {
  server = await startTestDatabase(log);
  platform = await openPlatform({ connection: server.connection, clock: systemClock, log });
  tables = await platform.database.asSystem(async (tx) => {
    const answer = await sql<(typeof tables)[number]>`
      SELECT c.relname AS name, c.relrowsecurity AND c.relforcerowsecurity AS forced,
        has_table_privilege('windflow_tenant', c.oid, 'SELECT') AS "tenantReads",
        EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'organization_id' AND NOT a.attisdropped)
          AS "hasOrganization"
      FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') ORDER BY c.relname`.execute(
      tx.queries,
    );
    return answer.rows;
  });
});
afterAll(async () => {
  await platform?.close();
  await server?.stop();
});

test("every table of organizations forces row security, and a tenant reads no other kind of table", () => {
  const open = tables.filter((table) => (table.hasOrganization || table.tenantReads) && !table.forced);
  expect(open.map((table) => table.name)).toEqual([]);
  expect(tables.length).toBeGreaterThan(8);
});

test("no table shows a row to a tenant without an organization, or to one that has none of its rows", async () => {
  for (const table of tables.filter((candidate) => candidate.tenantReads)) {
    for (const setting of ["", "org_of_nobody"]) {
      const rows = await platform.database.asSystem(async (tx) => {
        await sql`SELECT set_config('windflow.organization', ${setting}, true), set_config('role', 'windflow_tenant', true)`.execute(
          tx.queries,
        );
        return sql`SELECT 1 FROM ${sql.table(table.name)} LIMIT 1`.execute(tx.queries);
      });
      expect([table.name, rows.rows.length]).toEqual([table.name, 0]);
    }
  }
});
