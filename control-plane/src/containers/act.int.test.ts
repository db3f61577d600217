import { sql } from "kysely";
import { afterAll, beforeAll, expect, test } from "vitest";
import { testHosts, type TestHosts } from "../testing/hosts.ts";
import { startTestApp, type TestApp } from "../testing/index.ts";

let app: TestApp;
let hosts: TestHosts;
beforeAll(async () => {
  app = await startTestApp();
  hosts = testHosts(app);
});
afterAll(async () => {
  await app.stop();
});

test("an act stands in the audit trail also when whoever asked for it leaves before it is done", async () => {
  const host = await hosts.newHost("acted-on");
  const session = await hosts.session(host);
  const id = "c".repeat(64);
  await app.platform.database.inOrganization(app.organizationId, (tx) =>
    sql`INSERT INTO observed_containers (host_id, container_id, organization_id, name, image, stack_id, report_sha256, report)
      VALUES (${host.hostId}, ${id}, ${app.organizationId}, 'web', 'web:1', '', '', ${Buffer.alloc(0)})`.execute(
      tx.queries,
    ),
  );
  const path = `/v1/organizations/${app.organizationId}/hosts/${host.hostId}/containers/${id}:stop`;
  const response = app.rest.open("POST", path, { "content-type": "application/json" });
  const left = response.then(
    (answer) => answer.statusCode,
    () => "left",
  );
  // The host has been asked, and will do it.
  expect(await session.next("actionRequest")).toMatchObject({ containerId: id });
  const actions = await app.platform.database.asSystem((tx) =>
    sql<{ action: string }>`SELECT action FROM audit_entries WHERE target_id = ${id}`.execute(tx.queries),
  );
  expect(actions.rows).toEqual([{ action: "containers.stop" }]);
  session.close();
  expect(await left).toBe(503);
});
