import { ObservedState, type ObservedContainer } from "@windflow/proto/agent";
import { sql } from "kysely";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createLog, openPlatform, systemClock, type Platform, type UnitOfWork } from "../platform/index.ts";
import { startTestDatabase, type TestDatabase } from "../testing/database.ts";
import { createFleet, type Fleet } from "../testing/fleet.ts";
import { storeObserved } from "./index.ts";
import { listContainers, readObservedHosts, type ContainerQuery } from "./store-observed.ts";

const log = createLog({ level: "silent" });
let server: TestDatabase;
let platform: Platform;
let fleet: Fleet;

beforeAll(async () => {
  server = await startTestDatabase(log);
  platform = await openPlatform({ connection: server.connection, clock: systemClock, log });
  fleet = await createFleet(platform);
});
afterAll(async () => {
  await platform?.close();
  await server?.stop();
});

const inTenant = <Result>(work: (tx: UnitOfWork) => Promise<Result>): Promise<Result> =>
  platform.database.inOrganization(fleet.caller, work);
const observe = (hostId: string, containers: Partial<ObservedContainer>[], engineProblem = ""): Promise<void> =>
  inTenant((tx) => {
    const at = new Date();
    const state = ObservedState.fromPartial({ containers, engineProblem, at });
    const { organizationId } = fleet.caller;
    return storeObserved(tx, { organizationId, hostId, at, receivedAt: at, clockSkewMs: 0, state });
  });
const everything: ContainerQuery = { hostId: "", stackId: "", text: "", limit: 500 };
const names = (query: Partial<ContainerQuery>): Promise<string[]> =>
  inTenant(async (tx) => (await listContainers(tx, { ...everything, ...query })).rows.map((row) => row.report.name));

test("the list is the last reports of all hosts, by name, in pages, filtered by text, host and stack", async () => {
  const [one, two] = [await fleet.addHost("one"), await fleet.addHost("two")];
  await observe(one, [
    { id: "a1", name: "shop-web-1", image: "Shop/Web:1", stackId: "stk_shop" },
    { id: "a2", name: "shop-db-1", image: "postgres:17", stackId: "stk_shop" },
  ]);
  await observe(two, [
    { id: "a1", name: "shop-web-1", image: "Shop/Web:1", stackId: "stk_shop" },
    { id: "b1", name: "stranger", image: "redis:7" },
  ]);
  expect(await names({})).toEqual(["shop-db-1", "shop-web-1", "shop-web-1", "stranger"]);
  expect(await names({ text: "WEB:" })).toEqual(["shop-web-1", "shop-web-1"]);
  expect(await names({ hostId: two })).toEqual(["shop-web-1", "stranger"]);
  expect(await names({ stackId: "stk_shop", text: "db" })).toEqual(["shop-db-1"]);
  const first = await inTenant((tx) => listContainers(tx, { ...everything, limit: 2 }));
  const last = first.rows[1];
  const after = { name: last?.report.name ?? "", hostId: last?.hostId ?? "", containerId: last?.report.id ?? "" };
  expect(await names({ after })).toEqual(["shop-web-1", "stranger"]);
  expect(first.total).toBe(4);
});

test("a report replaces the one before and writes only what changed; one without its engine keeps what was known", async () => {
  const host = await fleet.addHost("changing");
  const web = { id: "c1", name: "changing-web-1", image: "web:1" };
  const versions = (): Promise<Record<string, string>> =>
    inTenant(async (tx) => {
      const rows = await sql<{ id: string; version: string }>`SELECT container_id AS id, xmin::text AS version
        FROM observed_containers WHERE host_id = ${host}`.execute(tx.queries);
      return Object.fromEntries(rows.rows.map((row) => [row.id, row.version]));
    });
  await observe(host, [web, { id: "c2", name: "changing-db-1" }]);
  const before = await versions();
  await observe(host, [web, { id: "c2", name: "changing-db-1", state: "exited" }]);
  const after = await versions();
  expect(after["c1"]).toBe(before["c1"]);
  expect(after["c2"]).not.toBe(before["c2"]);
  await observe(host, [], "connection refused");
  expect(await names({ hostId: host })).toEqual(["changing-db-1", "changing-web-1"]);
  const observed = await inTenant((tx) => readObservedHosts(tx, [host]));
  expect(observed.get(host)?.engineProblem).toBe("connection refused");
  await observe(host, [web]);
  expect(await names({ hostId: host })).toEqual(["changing-web-1"]);
});
