import { sql } from "kysely";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startTestApp, type TestApp } from "../testing/index.ts";
import { recordEvents } from "./index.ts";

let app: TestApp;
beforeAll(async () => {
  app = await startTestApp();
});
afterAll(async () => {
  await app.stop();
});

test("the events of many hosts that come back at once fit into one transaction", async () => {
  const { organizationId, platform } = app;
  const at = new Date();
  const same = { organizationId, at, type: "container.die", message: "x", severity: "info" as const, actor: "host" };
  // 200 batches of 32 KiB hold far more than the 65,535 parameters of one statement.
  const events = Array.from({ length: 12_000 }, () => ({ ...same, id: platform.newId("evt"), hostId: "hst_1" }));
  await platform.database.inOrganization(organizationId, (tx) => recordEvents(tx, events));
  const answer = await platform.database.inOrganization(organizationId, (tx) =>
    sql<{ count: bigint }>`SELECT count(*) FROM events WHERE type = 'container.die'`.execute(tx.queries),
  );
  expect(answer.rows[0]?.count).toBe(12_000n);
});
