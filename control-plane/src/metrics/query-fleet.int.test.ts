import type { ObservedContainer, ObservedState } from "@windflow/proto/agent";
import { sql } from "kysely";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createContainerMemory } from "./containers.ts";
import { BUCKET_MS } from "./model.ts";
import { queryFleetMetrics, type FleetAnswer, type FleetQuery } from "./query-fleet.ts";
import { batchOf, KEPT_MS, startTestMetrics, type TestMetrics } from "./testing.ts";

const START = new Date("2026-11-20T12:00:00Z").getTime();
const FIRST = START - 4 * BUCKET_MS;
let metrics: TestMetrics;
const ids: string[] = [];

beforeAll(async () => {
  metrics = await startTestMetrics(START);
  // Twenty hosts: 1 to 20 %, in the last of four buckets twice that; the odd ones in Paris.
  for (let i = 1; i <= 20; i++) {
    const labels = { site: i % 2 === 1 ? "paris" : "lyon", ...(i === 20 ? { gpu: "yes" } : {}) };
    const hostId = await metrics.fleet.addHost(`web-${String(i).padStart(2, "0")}`, labels);
    ids.push(hostId);
    const ratio = i / 100;
    for (let bucket = 0; bucket < 4; bucket++) {
      const last = bucket === 3 ? 2 * ratio : ratio;
      await metrics.ingest(hostId, batchOf(FIRST + bucket * BUCKET_MS, [last, last, last]));
    }
  }
  await metrics.rollUp();
});
afterAll(() => metrics?.stop());

const ask = (more: Partial<FleetQuery> = {}, organizationId?: string): Promise<FleetAnswer> =>
  metrics.platform.database.inOrganization(organizationId ?? metrics.fleet.caller.organizationId, (tx) =>
    queryFleetMetrics(
      tx,
      organizationId ?? metrics.fleet.caller.organizationId,
      {
        column: "cpu_percent",
        kind: "host",
        aggregation: "average",
        hostIds: [],
        hostFilter: "",
        stackId: "",
        service: "",
        groupBy: "",
        from: new Date(FIRST),
        to: new Date(START),
        maxPoints: 0,
        ...more,
      },
      { clock: metrics.clock, keptMs: KEPT_MS },
    ),
  );

test("hosts come to one series: average, sum, maximum, minimum and the 95th percentile", async () => {
  const average = await ask();
  expect(average).toMatchObject({ stepMs: BUCKET_MS, unit: "percent", completeUntil: new Date(START) });
  expect(average.atMs).toEqual([0, 1, 2, 3].map((bucket) => FIRST + bucket * BUCKET_MS));
  // The last bucket is not rolled up yet, and in it all the same.
  expect(await metrics.rows("metric_intake", ids[0] ?? "")).toBe(1);
  expect(average.series).toEqual([{ group: "", values: [10.5, 10.5, 10.5, 21], counts: [20, 20, 20, 20] }]);
  expect((await ask({ aggregation: "sum" })).series[0]?.values).toEqual([210, 210, 210, 420]);
  expect((await ask({ aggregation: "maximum" })).series[0]?.values).toEqual([20, 20, 20, 40]);
  expect((await ask({ aggregation: "minimum" })).series[0]?.values).toEqual([1, 1, 1, 2]);
  expect((await ask({ aggregation: "p95" })).series[0]?.values).toEqual([19, 19, 19, 38]);
  const network = await ask({ column: "network_receive_bytes_per_second", aggregation: "sum", maxPoints: 1 });
  expect(network).toMatchObject({ unit: "bytes_per_second", stepMs: 4 * BUCKET_MS });
  expect(network.series).toEqual([{ group: "", values: [30_000], counts: [20] }]);
});

test("by label, by host, of some hosts; a step in which nothing came is not a number", async () => {
  const bySite = await ask({ groupBy: "site" });
  expect(bySite.series.map(({ group, values }) => [group, values[0]])).toEqual([
    ["lyon", 11],
    ["paris", 10],
  ]);
  const byGpu = await ask({ groupBy: "gpu", aggregation: "maximum" });
  expect(byGpu.series.map(({ group, values }) => [group, values[0]])).toEqual([
    ["", 19],
    ["yes", 20],
  ]);
  const paris = await ask({ hostFilter: "site=paris web-0", groupBy: "@host", aggregation: "sum" });
  expect(paris.series.map(({ group }) => group)).toEqual(["web-01", "web-03", "web-05", "web-07", "web-09"]);
  expect((await ask({ hostIds: ids.slice(0, 2) })).series[0]?.counts).toEqual([2, 2, 2, 2]);
  const before = await ask({ from: new Date(FIRST - BUCKET_MS), hostIds: ids.slice(0, 1) });
  expect(before.series).toEqual([{ group: "", values: [Number.NaN, 1, 1, 1, 2], counts: [0, 1, 1, 1, 1] }]);
});

test("containers by stack and service, those of before a deployment too", async () => {
  const [hostId = "", otherId = ""] = ids;
  const container = (id: string, service: string): ObservedContainer =>
    ({
      id,
      name: `shop-${service}-${id}`,
      stackId: "stk_shop",
      labels: { "com.docker.compose.service": service },
    }) as unknown as ObservedContainer;
  const memory = createContainerMemory(metrics.clock);
  const report = (host: string, containers: ObservedContainer[]): Promise<void> =>
    metrics.platform.database.inOrganization(metrics.fleet.caller, (tx) =>
      memory.note(tx, [
        {
          organizationId: metrics.fleet.caller.organizationId,
          hostId: host,
          state: { containers } as unknown as ObservedState,
        },
      ]),
    );
  const figures = (host: string, id: string, bucket: number, cores: number): Promise<void> =>
    metrics.ingest(host, {
      ...batchOf(FIRST + bucket * BUCKET_MS, [cores]),
      containerId: id,
      columns: [{ name: "cpu_used_cores", values: [cores] }],
    });
  await report(hostId, [container("a1", "web"), container("b1", "db")]);
  await figures(hostId, "a1", 0, 0.5);
  await figures(hostId, "b1", 0, 2);
  // Deployed anew: another container of the same service.
  await report(hostId, [container("a2", "web"), container("b1", "db")]);
  await figures(hostId, "a2", 1, 0.25);
  await report(otherId, [container("a3", "web")]);
  await figures(otherId, "a3", 1, 0.5);
  await metrics.rollUp();
  const ofStack = { kind: "container", stackId: "stk_shop", aggregation: "sum" } as const;
  const web = await ask({ ...ofStack, service: "web" });
  expect(web.series).toEqual([{ group: "", values: [50, 75, Number.NaN, Number.NaN], counts: [1, 2, 0, 0] }]);
  const byService = await ask({ ...ofStack, groupBy: "@service" });
  expect(byService.series.map(({ group, values }) => [group, values[0], values[1]])).toEqual([
    ["db", 200, Number.NaN],
    ["web", 50, 75],
  ]);
  const lyon = await ask({ ...ofStack, groupBy: "site", hostFilter: "site=lyon" });
  expect(lyon.series.map(({ group, values }) => [group, values[1]])).toEqual([["lyon", 50]]);
});

test("another organization sees nothing of it, whatever it asks for", async () => {
  await metrics.platform.database.asSystem((tx) =>
    sql`INSERT INTO organizations (id, name, created_at) VALUES ('org_other', 'other', now())`.execute(tx.queries),
  );
  expect((await ask({ hostIds: ids }, "org_other")).series).toEqual([]);
  expect((await ask({ kind: "container", stackId: "stk_shop" }, "org_other")).series).toEqual([]);
});

test("more than can be put together is refused with what to do", async () => {
  await expect(ask({ hostFilter: "=" })).rejects.toMatchObject({ violations: [{ path: "hostFilter" }] });
  const insert = (from: number, to: number): Promise<unknown> =>
    metrics.platform.database.asSystem((tx) =>
      sql`INSERT INTO hosts SELECT (jsonb_populate_record(hosts, jsonb_build_object('id', 'hst_made_' || i, 'name', 'made-' || i))).*
        FROM hosts, generate_series(${from}::integer, ${to}::integer) i WHERE hosts.id = ${ids[0]}`.execute(tx.queries),
    );
  await insert(1, 250);
  await expect(ask({ groupBy: "@host" })).rejects.toMatchObject({ violations: [{ path: "groupBy" }] });
  await expect(ask({ from: new Date(START - KEPT_MS), maxPoints: 2000, hostFilter: "made" })).resolves.toBeDefined();
  await insert(251, 700);
  await expect(ask({ from: new Date(START - KEPT_MS), maxPoints: 2000 })).rejects.toMatchObject({
    violations: [{ path: "from" }],
  });
});
