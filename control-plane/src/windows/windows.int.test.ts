import type { ListMaintenanceWindowsResponse, MaintenanceWindow } from "@windflow/proto/api";
import { sql } from "kysely";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startTestApp, type TestApp, type TestResponse } from "../testing/index.ts";
import { testHosts } from "../testing/hosts.ts";
import { createTestClient, type TestClient } from "../testing/rest.ts";
import type { TestIdentity } from "../testing/test-agent.ts";
import { windowsOf } from "./index.ts";
import { MOST_WINDOWS } from "./service.ts";

let app: TestApp;
let paris: TestIdentity;
let lyon: TestIdentity;
beforeAll(async () => {
  app = await startTestApp();
  paris = await testHosts(app).newHost("paris-1", { labels: { site: "paris" } });
  lyon = await testHosts(app).newHost("lyon-1", { labels: { site: "lyon" } });
});
afterAll(async () => {
  await app.stop();
});

const call = (method: string, rest: string, body?: unknown): Promise<TestResponse> =>
  app.rest.call(method, `/v1/organizations/${app.organizationId}/${rest}`, body);
const rule = (over: Record<string, unknown> = {}): Record<string, unknown> => ({
  name: "nights",
  expressions: [{ key: "site", operator: "OPERATOR_EQUALS", values: ["paris"] }],
  timeZone: "Europe/Paris",
  weekdays: [7, 6, 6],
  opensAt: "22:00",
  durationMinutes: 240,
  ...over,
});
const create = (over: Record<string, unknown> = {}): Promise<TestResponse> =>
  call("POST", "maintenanceWindows", { rule: rule(over) });
const codeOf = ({ json }: TestResponse): unknown => (json as { code: string }).code;

test("a window is made, read, changed and deleted, with its hosts, its state and an audit trail", async () => {
  const made = (await create()).json as MaintenanceWindow;
  expect(made).toMatchObject({ rule: { name: "nights", weekdays: [6, 7], opensAt: "22:00" }, etag: "1", hosts: 1 });
  expect(new Date(made.nextChangeAt ?? 0).getTime()).toBeGreaterThan(Date.now());

  expect(await create()).toMatchObject({ status: 409, json: { code: "WF_ALREADY_EXISTS" } });
  const change = { rule: rule({ name: "all week", weekdays: [], expressions: [] }), etag: "1" };
  const changed = await call("PATCH", `maintenanceWindows/${made.id}`, change);
  expect(changed).toMatchObject({ status: 200, json: { etag: "2", hosts: 2, rule: { name: "all week" } } });
  expect(codeOf(await call("PATCH", `maintenanceWindows/${made.id}`, change))).toBe("WF_ETAG_MISMATCH");
  const off = await call("PATCH", `maintenanceWindows/${made.id}`, { rule: rule({ disabled: true }) });
  expect(off.json).toMatchObject({ etag: "3", rule: { disabled: true } });
  expect((off.json as MaintenanceWindow).nextChangeAt).toBeUndefined();

  expect((await call("DELETE", `maintenanceWindows/${made.id}`)).status).toBe(200);
  expect(codeOf(await call("DELETE", `maintenanceWindows/${made.id}`))).toBe("WF_NOT_FOUND");
  const acts = await app.platform.database.inOrganization(app.organizationId, async (tx) => {
    const { rows } = await sql<{ action: string }>`SELECT action FROM audit_entries WHERE target_id = ${made.id}
      ORDER BY sequence`.execute(tx.queries);
    return rows.map(({ action }) => action);
  });
  expect(acts).toEqual(["windows.create", "windows.update", "windows.update", "windows.delete"]);
});

test("a rule that makes no sense is refused with its place", async () => {
  const violations = async (over: Record<string, unknown>): Promise<string[]> => {
    const answer = await create(over);
    expect(answer.status).toBe(400);
    return (answer.json as { violations: { path: string }[] }).violations.map(({ path }) => path);
  };
  expect(await violations({ timeZone: "Europe/Nowhere" })).toEqual(["rule.timeZone"]);
  expect(await violations({ expressions: [{ key: "site", operator: "OPERATOR_IN" }] })).toEqual([
    "rule.expressions[0].values",
  ]);
  const fact = { key: "fact/arch", operator: "OPERATOR_EXISTS" };
  expect(await violations({ expressions: [fact] })).toEqual(["rule.expressions[0].key"]);
  expect((await create({ opensAt: "24:00" })).status).toBe(400);
  expect((await create({ durationMinutes: 10_081 })).status).toBe(400);
});

test("windows come in pages by name, are bounded in number, and are nobody else's", async () => {
  for (let i = 0; i < MOST_WINDOWS; i++) await create({ name: `window ${String(i).padStart(3, "0")}` });
  expect(codeOf(await create({ name: "one more" }))).toBe("WF_WINDOW_LIMIT");
  const first = (await call("GET", "maintenanceWindows?page.size=150")).json as ListMaintenanceWindowsResponse;
  const second = (await call("GET", `maintenanceWindows?page.size=150&page.token=${first.nextPageToken}`))
    .json as ListMaintenanceWindowsResponse;
  const names = [...first.windows, ...second.windows].map((window) => window.rule?.name);
  expect(names.length).toBe(MOST_WINDOWS);
  expect(names).toEqual(names.toSorted((a = "", b = "") => (a < b ? -1 : 1)));
  const { database } = app.platform;
  const at = new Date("2026-01-10T21:30:00Z");
  const hostIds = [paris, lyon].map(({ hostId }) => hostId);
  const [mine, theirs] = await Promise.all(
    [app.organizationId, "org_other"].map((organizationId) =>
      database.inOrganization(organizationId, (tx) => windowsOf(tx, hostIds, at), { readOnly: true }),
    ),
  );
  expect(mine?.get(paris.hostId)).toEqual({ open: true, closesAt: Date.parse("2026-01-11T01:00:00Z") });
  expect(mine?.get(lyon.hostId)).toEqual({ open: true });
  expect(theirs?.size).toBe(0);
});

test("who may read windows may not write them", async () => {
  const clientWith = async (permissions: string[]): Promise<TestClient> => {
    const made = await call("POST", "apiTokens", { name: permissions.join(), permissions });
    expect(made).toMatchObject({ status: 200 });
    const authorization = `Bearer ${(made.json as { secret: string }).secret}`;
    return createTestClient({ port: app.port, ca: app.ca, headers: { authorization } });
  };
  const path = `/v1/organizations/${app.organizationId}/maintenanceWindows`;
  const reader = await clientWith(["windows.read"]);
  expect((await reader.call("GET", path)).status).toBe(200);
  expect((await reader.call("POST", path, { rule: rule() })).status).toBe(403);
  const other = await clientWith(["stacks.read"]);
  expect((await other.call("GET", path)).status).toBe(403);
});
