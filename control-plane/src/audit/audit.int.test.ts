import { sql } from "kysely";
import type pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createLog, openPlatform, systemCaller, systemClock, type Platform } from "../platform/index.ts";
import { createClient } from "../platform/db/connection.ts";
import { startTestDatabase, type TestDatabase } from "../testing/database.ts";
import { createAudit, type Audit } from "./index.ts";

const log = createLog({ level: "silent" });
let server: TestDatabase;
let platform: Platform;
let audit: Audit;
let owner: pg.Client;

beforeAll(async () => {
  server = await startTestDatabase(log);
  platform = await openPlatform({ connection: server.connection, clock: systemClock, log });
  audit = createAudit({ database: platform.database, clock: systemClock, newId: platform.newId });
  owner = createClient(server.connection, "test");
  await owner.connect();
});
afterAll(async () => {
  await owner?.end();
  await platform?.close();
  await server?.stop();
});

const act = (organizationId: string, targetId: string): Promise<void> =>
  platform.database.inOrganization(organizationId, (tx) =>
    audit.record(tx, systemCaller("test", organizationId), {
      action: "hosts.revoke",
      targetKind: "host",
      targetId,
      detail: { zeta: 1, alpha: [{ b: 1, a: "é" }] },
    }),
  );

test("acts at the same time make one chain without gaps, in each organization", async () => {
  await Promise.all(Array.from({ length: 12 }, (_, index) => act(index % 2 === 0 ? "org_a" : "org_b", `hst_${index}`)));
  expect(await audit.verify("org_a")).toEqual({ entries: 6n, broken: undefined });
  expect(await audit.verify("org_b")).toEqual({ entries: 6n, broken: undefined });
  expect(await audit.verify("org_c")).toEqual({ entries: 0n, broken: undefined });
});

test("what is rolled back leaves no entry and no gap", async () => {
  const failing = platform.database.inOrganization("org_a", async (tx) => {
    await audit.record(tx, systemCaller("test", "org_a"), { action: "x", targetKind: "x", targetId: "x" });
    throw new Error("later step failed");
  });
  await expect(failing).rejects.toThrow("later step failed");
  await act("org_a", "hst_after");
  expect(await audit.verify("org_a")).toEqual({ entries: 7n, broken: undefined });
});

test("the roles of requests can neither edit nor delete", async () => {
  for (const statement of [sql`UPDATE audit_entries SET action = 'x'`, sql`DELETE FROM audit_entries`]) {
    await expect(platform.database.inOrganization("org_a", (tx) => statement.execute(tx.queries))).rejects.toThrow(
      /permission denied/,
    );
    await expect(platform.database.asSystem((tx) => statement.execute(tx.queries))).rejects.toThrow(
      /permission denied/,
    );
  }
});

test("an edit, a deletion and a cut end by the database's owner are found and named", async () => {
  await owner.query(
    "UPDATE audit_entries SET target_id = 'hst_other' WHERE organization_id = 'org_a' AND sequence = 3",
  );
  expect((await audit.verify("org_a")).broken).toMatch(/^entry 3 \(aud_.*, hosts.revoke\) was altered$/);
  await owner.query("DELETE FROM audit_entries WHERE organization_id = 'org_b' AND sequence = 2");
  expect((await audit.verify("org_b")).broken).toBe("entry 2 is missing");
  await owner.query("DELETE FROM audit_entries WHERE organization_id = 'org_b' AND sequence > 1");
  expect((await audit.verify("org_b")).broken).toBe("the chain ends at 1, its head says 6");
});
