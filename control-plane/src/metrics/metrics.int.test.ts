import { sql } from "kysely";
import { afterAll, beforeAll, expect, test } from "vitest";
import { latestFigures } from "./latest-figures.ts";
import { BUCKET_MS, bucketOf } from "./model.ts";
import { batchOf as batch, columnOf as column, startTestMetrics, type TestMetrics } from "./testing.ts";

const START = new Date("2026-11-20T12:00:00Z").getTime();
let metrics: TestMetrics;
let ingest: TestMetrics["ingest"];
let query: TestMetrics["query"];
let rows: TestMetrics["rows"];

beforeAll(async () => {
  metrics = await startTestMetrics(START);
  ({ ingest, query, rows } = metrics);
});
afterAll(() => metrics?.stop());

test("samples come back under the API's names, duplicates change nothing, gaps stay gaps", async () => {
  const hostId = await metrics.fleet.addHost("samples");
  const from = START - 10 * 60_000;
  await ingest(hostId, batch(from, [0.1, 0.2, 0.3]));
  await ingest(hostId, batch(from, [0.1, 0.2, 0.3]), batch(from + 120_000, [0.4]));
  const series = await query(hostId, { from: new Date(from), to: new Date(START), maxPoints: 600 });
  expect(series.atMs.map((at) => at - from)).toEqual([0, 5000, 10_000, 120_000]);
  expect(column(series, "cpu_percent")).toEqual([10, 20, 30, 40]);
  expect(column(series, "network_receive_bytes_per_second")).toEqual([1500, 1500, 1500, 1500]);
  expect(series.columns.map((one) => `${one.name} ${one.unit}`)).toContain(
    "network_receive_bytes_per_second:eth0 bytes_per_second",
  );
  const coarse = await query(hostId, { from: new Date(from), to: new Date(START), maxPoints: 10 });
  expect(coarse.stepMs).toBe(60_000);
  expect(column(coarse, "cpu_percent")).toEqual([20, 40]);
});

test("rolling up makes one chunk of a bucket, keeps every sample, and takes late ones in", async () => {
  const hostId = await metrics.fleet.addHost("compacted");
  const bucket = START - 4 * BUCKET_MS;
  for (let i = 0; i < 18; i++)
    await ingest(
      hostId,
      batch(
        bucket + i * 15_000,
        [i, i, i].map((n) => n / 100),
      ),
    );
  expect(await rows("metric_intake", hostId)).toBe(18);
  await metrics.rollUp();
  const stored = ["metric_intake", "metric_samples", "metric_buckets"];
  expect(await Promise.all(stored.map((table) => rows(table, hostId)))).toEqual([0, 1, 1]);
  await ingest(hostId, batch(bucket + 270_000, [0.18, 0.18, 0.18]));
  const wanted = { from: new Date(bucket), to: new Date(bucket + BUCKET_MS), maxPoints: 300 };
  const before = await query(hostId, wanted);
  await metrics.rollUp();
  const after = await query(hostId, wanted);
  expect(after).toEqual(before);
  expect(after.atMs).toHaveLength(57);
});

test("what lies days back is averages, and a batch that was spooled for hours goes to its own time", async () => {
  const hostId = await metrics.fleet.addHost("late");
  const old = START - 3 * 24 * 60 * 60_000;
  await ingest(hostId, batch(old, [0.2, 0.4]));
  await metrics.rollUp();
  const series = await query(hostId, { from: new Date(old - 60_000), to: new Date(old + 3_600_000) });
  expect(column(series, "cpu_percent")).toEqual([30]);
  expect(metrics.recent.last({ hostId, containerId: "" }, START)).toBeUndefined();
  await ingest(hostId, batch(START - 5000, [0.8, 0.9]));
  expect(metrics.recent.last({ hostId, containerId: "" }, START)?.get("cpu_used_ratio")).toBe(0.9);
});

test("a clock that is ahead puts its samples at now, not into the future", async () => {
  const hostId = await metrics.fleet.addHost("ahead");
  await ingest(hostId, batch(START + 3_600_000, [0.5, 0.6]));
  const series = await query(hostId, { from: new Date(START - 60_000), to: new Date(START + 1000), maxPoints: 61 });
  expect(series.atMs.map((at) => at - START)).toEqual([-5000, 0]);
  const told = await metrics.platform.database.inOrganization(metrics.fleet.caller, (tx) =>
    sql<{ type: string }>`SELECT type FROM events WHERE host_id = ${hostId}`.execute(tx.queries),
  );
  expect(told.rows).toEqual([{ type: "host.clock-ahead" }]);
});

test("what a host should not send does no harm", async () => {
  const hostId = await metrics.fleet.addHost("odd");
  await ingest(
    hostId,
    batch(START - 5000, [], {}),
    batch(START - 5000, [0.5], { columns: [{ name: "unheard_of", values: [1] }] }),
    batch(START - 5000, [0.1, 0.2], { atMs: [5n, 4n] }),
    batch(START - 5000, [0.5], { containerId: "c1", columns: [{ name: "cpu_used_cores", values: [1.5, 2.5] }] }),
  );
  expect(column(await query(hostId, { containerId: "c1", to: new Date(START + 1000) }), "cpu_percent")).toEqual([150]);
});

test("raw samples end after a day, averages stay, and no partition is open to anybody", async () => {
  const hostId = await metrics.fleet.addHost("kept");
  await ingest(hostId, batch(START - 60 * 60_000, [0.7]));
  await metrics.rollUp();
  metrics.clock.advance(3 * 24 * 60 * 60_000);
  await metrics.upkeep.retain();
  expect([await rows("metric_samples", hostId), await rows("metric_buckets", hostId)]).toEqual([0, 1]);
  const open = await metrics.platform.database.asSystem(async (tx) => {
    const answer = await sql<{ name: string }>`SELECT c.relname AS name FROM pg_class c
      WHERE c.relname LIKE 'metric_%' AND c.relkind IN ('r', 'p')
        AND c.relname NOT IN ('metric_slots', 'metric_lanes') AND NOT (c.relrowsecurity AND c.relforcerowsecurity)`.execute(
      tx.queries,
    );
    return answer.rows;
  });
  expect(open).toEqual([]);
});

test("the last figures of hosts whose session is elsewhere: for as long as they ship at a time, rolled up or not", async () => {
  const usual = await metrics.fleet.addHost("ships-often");
  const metered = await metrics.fleet.addHost("ships-rarely");
  const begin = bucketOf(metrics.clock.now().getTime()) - 2 * BUCKET_MS;
  await ingest(usual, batch(begin, [0.1, 0.2]));
  const shippedAtOnce = Array.from({ length: BUCKET_MS / 5000 }, () => 0.5);
  await ingest(metered, batch(begin, shippedAtOnce));
  const cpuAt = (afterMs: number): Promise<(number | undefined)[]> =>
    metrics.platform.database.inOrganization(metrics.fleet.caller, async (tx) => {
      const found = await latestFigures(tx, [usual, metered], new Date(begin + BUCKET_MS + afterMs));
      return [usual, metered].map((hostId) =>
        found.find(({ subject }) => subject.hostId === hostId)?.figures.get("cpu_used_ratio"),
      );
    });
  expect(await cpuAt(-200_000)).toEqual([0.2, 0.5]);
  const late = async (): Promise<void> => {
    expect(await cpuAt(8 * 60_000)).toEqual([undefined, 0.5]);
    expect(await cpuAt(12 * 60_000)).toEqual([undefined, undefined]);
  };
  await late();
  await metrics.rollUp();
  expect(await rows("metric_intake", metered)).toBe(0);
  await late();
});
