import { sql, type KyselyPlugin } from "kysely";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createLog, openPlatform, type Database } from "../platform/index.ts";
import { compactSome } from "./compact.ts";
import { BUCKET_MS } from "./model.ts";
import { batchOf, columnOf, DAY_MS, startTestMetrics, type TestMetrics } from "./testing.ts";

const START = new Date("2026-10-01T00:00:00Z").getTime();
const HOUR_MS = 3_600_000;
const log = createLog({ level: "silent" });
let metrics: TestMetrics;

beforeAll(async () => {
  metrics = await startTestMetrics(START);
});
afterAll(() => metrics?.stop());

const rolledOf = (hostId: string): Promise<object[]> =>
  metrics.platform.database.asSystem(async (tx) => {
    const answer = await sql<object>`SELECT container_id, at, layout, chunk, times FROM metric_5m
      WHERE host_id = ${hostId} ORDER BY container_id, at`.execute(tx.queries);
    return answer.rows;
  });

// Written once an hour; the hour of the day in percent.
const hourly = (at: number): ReturnType<typeof batchOf> => {
  const ratio = new Date(at).getUTCHours() / 100;
  return batchOf(at, [ratio, ratio]);
};

test("31 days: samples for a day, five minutes for thirty, one answer over both, nothing after", async () => {
  const hostId = await metrics.fleet.addHost("month");
  for (let day = 0; day < 31; day++) {
    const hours = Array.from({ length: 24 }, (_, hour) => hourly(START + day * DAY_MS + hour * HOUR_MS));
    metrics.clock.advance(DAY_MS);
    await metrics.ingest(hostId, ...hours);
    await metrics.upkeep.rollUp();
    await metrics.upkeep.retain();
  }
  const now = metrics.clock.now().getTime();
  expect(now).toBe(START + 31 * DAY_MS);
  expect(await metrics.rows("metric_raw", hostId)).toBe(25);
  expect(await metrics.rows("metric_5m", hostId)).toBe(31 * 24);
  const month = await metrics.query(hostId, { from: new Date(START), maxPoints: 5000 });
  expect(month.atMs).toHaveLength(30 * 24);
  expect(columnOf(month, "cpu_percent")).toEqual(month.atMs.map((_, i) => i % 24));
  // Six hours around where samples end and statistics begin: each hour once.
  const seam = {
    from: new Date(now - DAY_MS - 3 * HOUR_MS),
    to: new Date(now - DAY_MS + 3 * HOUR_MS),
    maxPoints: 5000,
  };
  const hours = (await metrics.query(hostId, seam)).atMs.map((at) => Math.floor((at - now + DAY_MS) / HOUR_MS));
  expect([...new Set(hours)]).toEqual([-3, -2, -1, 0, 1, 2]);
  metrics.clock.advance(31 * DAY_MS);
  await metrics.upkeep.retain();
  expect([await metrics.rows("metric_raw", hostId), await metrics.rows("metric_5m", hostId)]).toEqual([0, 0]);
});

test("a late batch is added to what is rolled up when its samples are long gone; a duplicate changes nothing", async () => {
  const hostId = await metrics.fleet.addHost("late");
  const bucket = metrics.clock.now().getTime();
  await metrics.ingest(hostId, batchOf(bucket, [0.1, 0.3]), batchOf(bucket + 60_000, [0.2]));
  metrics.clock.advance(3 * DAY_MS);
  await metrics.upkeep.rollUp();
  await metrics.upkeep.retain();
  expect(await metrics.rows("metric_raw", hostId)).toBe(0);
  const before = await rolledOf(hostId);
  await metrics.ingest(hostId, batchOf(bucket, [0.1, 0.3]));
  // Late samples are not dropped before they are counted, whoever is first.
  await metrics.upkeep.retain();
  expect(await metrics.rows("metric_raw", hostId)).toBe(1);
  await metrics.upkeep.rollUp();
  expect(await rolledOf(hostId)).toEqual(before);
  await metrics.ingest(hostId, batchOf(bucket + 60_000, [0.2, 0.9, 0.5]));
  await metrics.upkeep.rollUp();
  const range = { from: new Date(bucket), to: new Date(bucket + BUCKET_MS) };
  expect(columnOf(await metrics.query(hostId, range), "cpu_percent")).toEqual([40]);
  await metrics.upkeep.retain();
  await metrics.ingest(hostId, batchOf(bucket, [0.1, 0.3]), batchOf(bucket + 60_000, [0.2, 0.9, 0.5]));
  await metrics.upkeep.rollUp();
  expect(columnOf(await metrics.query(hostId, range), "cpu_percent")).toEqual([40]);
});

test("a control plane that was away for days rolls up before it drops, and shows what it has not rolled up", async () => {
  const hostId = await metrics.fleet.addHost("away");
  const at = metrics.clock.now().getTime();
  await metrics.ingest(hostId, batchOf(at, [0.4, 0.6]));
  metrics.clock.advance(4 * DAY_MS);
  await metrics.upkeep.retain();
  const range = { from: new Date(at), to: new Date(at + 60_000), maxPoints: 1 };
  expect(columnOf(await metrics.query(hostId, range), "cpu_percent")).toEqual([50]);
  await metrics.upkeep.rollUp();
  await metrics.upkeep.retain();
  expect(await metrics.rows("metric_raw", hostId)).toBe(0);
  expect(columnOf(await metrics.query(hostId, range), "cpu_percent")).toEqual([50]);
});

/** Ends the unit of work at its nth statement, as a killed process does: the server rolls it back. */
function endingAt(database: Database, statement: number): Database {
  let count = 0;
  const plugin: KyselyPlugin = {
    transformQuery: ({ node }) => {
      if (++count >= statement) throw new Error("ended");
      return node;
    },
    transformResult: async ({ result }) => result,
  };
  return {
    ...database,
    asSystem: (work) => database.asSystem((tx) => work({ ...tx, queries: tx.queries.withPlugin(plugin) })),
  };
}

test("ended at any statement, the next round gives the same", async () => {
  const [ended, whole] = [await metrics.fleet.addHost("ended"), await metrics.fleet.addHost("whole")];
  const at = metrics.clock.now().getTime();
  const both = async (...batches: ReturnType<typeof batchOf>[]): Promise<void> => {
    for (const hostId of [ended, whole]) await metrics.ingest(hostId, ...batches);
  };
  await both(batchOf(at, [0.1, 0.2]), batchOf(at + 20_000, [0.5]), batchOf(at + BUCKET_MS, [0.7]));
  metrics.clock.advance(3 * BUCKET_MS);
  const now = metrics.clock.now().getTime();
  let statement = 1;
  let done = false;
  for (; !done; statement++) {
    done = await compactSome(endingAt(metrics.platform.database, statement), now, log).then(
      () => true,
      () => false,
    );
    if (!done)
      expect([await metrics.rows("metric_raw", ended), await metrics.rows("metric_5m", ended)]).toEqual([3, 0]);
  }
  expect(statement).toBeGreaterThan(7);
  expect(await metrics.rows("metric_raw", ended)).toBe(2);
  expect(await rolledOf(ended)).toEqual(await rolledOf(whole));
});

test("two control planes roll up while late batches come: every sample is there once", async () => {
  const { platform, clock } = metrics;
  const hostId = await metrics.fleet.addHost("busy");
  const connection = metrics.connection;
  const other = await openPlatform({ connection, clock, log });
  const from = clock.now().getTime() - 2 * HOUR_MS;
  let writing = true;
  const rollUp = async (database: Database): Promise<void> => {
    while (writing) await compactSome(database, clock.now().getTime(), log);
  };
  const rounds = [rollUp(platform.database), rollUp(other.database)];
  // Turn by turn to the same six buckets, so that they are rolled up and marked again all the time.
  for (let i = 0; i < 180; i++) {
    const at = from + (i % 6) * BUCKET_MS + Math.floor(i / 6) * 10_000;
    await metrics.ingest(hostId, batchOf(at, [i / 1000, i / 1000]));
  }
  writing = false;
  await Promise.all(rounds);
  await metrics.upkeep.rollUp();
  await other.close();
  const series = await metrics.query(hostId, {
    from: new Date(from),
    to: new Date(from + 6 * BUCKET_MS),
    maxPoints: 1800,
  });
  expect(series.atMs).toHaveLength(360);
  expect([await metrics.rows("metric_raw", hostId), await metrics.rows("metric_pending", hostId)]).toEqual([6, 0]);
});
