import { ObservedState, type ObservedContainer } from "@windflow/proto/agent";
import { sql } from "kysely";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createLog, openPlatform, systemClock, type Platform, type UnitOfWork } from "../platform/index.ts";
import { startTestDatabase, type TestDatabase } from "../testing/database.ts";
import { createFleet, type Fleet } from "../testing/fleet.ts";
import { storeObserved } from "./index.ts";
import { listContainers, readObservedHosts, readObservedStacks, type ContainerQuery } from "./store-observed.ts";

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
    return storeObserved(tx, [{ organizationId, hostId, at, receivedAt: at, clockSkewMs: 0, state }]);
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

test("reports of many hosts are written together, each as if it were alone", async () => {
  const { organizationId } = fleet.caller;
  const [first, second, third] = [await fleet.addHost("m1"), await fleet.addHost("m2"), await fleet.addHost("m3")];
  const receivedAt = new Date();
  const report = (hostId: string, state: Parameters<typeof ObservedState.fromPartial>[0]) => ({
    organizationId,
    hostId,
    at: receivedAt,
    receivedAt,
    clockSkewMs: 0,
    state: ObservedState.fromPartial({ at: receivedAt, ...state }),
  });
  const told = (...reports: ReturnType<typeof report>[]): Promise<void> => inTenant((tx) => storeObserved(tx, reports));
  const web = { id: "w", name: "web", stackId: "stk_many", revision: 1 };
  const stacks = [{ stackId: "stk_many", revision: 1 }];
  await told(
    report(first, { stacks, containers: [web, { id: "x", name: "other" }] }),
    // A stack that is named twice is what is said last.
    report(second, { stacks: [{ stackId: "stk_many", revision: 7 }, ...stacks], containers: [web] }),
    report(third, { stacks, containers: [web] }),
  );
  await told(
    report(first, { containers: [{ id: "x", name: "renamed" }] }),
    report(second, { engineProblem: "the engine does not answer" }),
    report(third, { containers: [web] }),
  );
  expect(await names({ hostId: first })).toEqual(["renamed"]);
  expect(await names({ hostId: second })).toEqual(["web"]);
  const left = await inTenant((tx) => readObservedStacks(tx, ["stk_many"]));
  const what = left.map(({ hostId, containers, report: { revision, converged } }) => ({
    hostId,
    containers,
    revision,
    converged,
  }));
  // The third has to run it no longer, and still has a container of it.
  expect(what.toSorted((a, b) => (a.hostId < b.hostId ? -1 : 1))).toEqual(
    [second, third].toSorted().map((hostId) => ({ hostId, containers: 1, revision: 1, converged: false })),
  );
  const observed = await inTenant((tx) => readObservedHosts(tx, [first, second]));
  expect(observed.get(first)?.engineProblem).toBe("");
  expect(observed.get(second)?.engineProblem).toBe("the engine does not answer");
});
