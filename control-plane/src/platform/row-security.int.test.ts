import { sql } from "kysely";
import type pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startTestDatabase, type TestDatabase } from "../testing/database.ts";
import { createClient } from "./db/connection.ts";
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

/** A value for a column that nobody cares about, by its type. */
const anyValue = (type: string, column: string): string => {
  if (column === "organization_id") return "'org_of_somebody'";
  if (type.endsWith("[]")) return "'{}'";
  if (type === "jsonb" || type === "json") return "'{}'";
  if (type === "bytea") return String.raw`'\x00'`;
  if (type === "boolean") return "false";
  if (type.startsWith("timestamp")) return "now()";
  if (/^(bigint|integer|smallint|real|double|numeric)/.test(type)) return "1";
  return `'${column} of somebody'`;
};

/** One row of another organization in every table, whatever it refers to. */
async function fillEveryTable(client: pg.Client): Promise<string[]> {
  const filled: string[] = [];
  for (const table of tables.filter((candidate) => candidate.tenantReads)) {
    await client.query("BEGIN");
    try {
      const columns = await client.query<{ name: string; type: string; check: string | null }>(
        `SELECT a.attname AS name, format_type(a.atttypid, a.atttypmod) AS type,
           (SELECT string_agg(pg_get_constraintdef(c.oid), ' ') FROM pg_constraint c
            WHERE c.conrelid = a.attrelid AND c.contype = 'c' AND a.attnum = ANY (c.conkey)) AS check
         FROM pg_attribute a WHERE a.attrelid = $1::regclass AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
           AND a.attidentity = ''`,
        [table.name],
      );
      const values = columns.rows.map(
        (column) => /'([^']+)'::text/.exec(column.check ?? "")?.[0] ?? anyValue(column.type, column.name),
      );
      const names = columns.rows.map((column) => `"${column.name}"`);
      await client.query("SET LOCAL session_replication_role = replica");
      await client.query(`INSERT INTO "${table.name}" (${names.join()}) VALUES (${values.join()})`);
      await client.query("COMMIT");
      filled.push(table.name);
    } catch (error) {
      await client.query("ROLLBACK");
      throw new Error(`${table.name}: ${error instanceof Error ? error.message : ""}`, { cause: error });
    }
  }
  return filled;
}

test("no table shows its rows to a tenant without an organization, or to another one", async () => {
  const client = createClient(server.connection, "test");
  await client.connect();
  const filled = await fillEveryTable(client);
  expect(filled.length).toBeGreaterThan(8);
  for (const table of filled) {
    const total = await client.query<{ count: bigint }>(`SELECT count(*) FROM "${table}"`);
    const seen: Record<string, number> = {};
    for (const setting of ["", "org_of_nobody"]) {
      await client.query("BEGIN");
      await client.query(
        "SELECT set_config('windflow.organization', $1, true), set_config('role', 'windflow_tenant', true)",
        [setting],
      );
      const rows = await client.query(`SELECT 1 FROM "${table}" LIMIT 1`);
      seen[setting] = rows.rows.length;
      await client.query("ROLLBACK");
    }
    expect({ table, total: Number(total.rows[0]?.count), seen }).toEqual({
      table,
      total: 1,
      seen: { "": 0, org_of_nobody: 0 },
    });
  }
  await client.end();
});
