import { sql, type KyselyPlugin } from "kysely";
import { afterAll, beforeAll, expect, test } from "vitest";
import { breather, createLog, openPlatform, type Database } from "../platform/index.ts";
import { BUCKET_MS, HALF_MS } from "./model.ts";
import { rollUpHalves } from "./roll-up-halves.ts";
import { closeIntake, rollUpSome } from "./roll-up.ts";
import { batchOf, columnOf, DAY_MS, startTestMetrics, type TestMetrics } from "./testing.ts";

const START = new Date("2026-10-01T00:00:00Z").getTime();
const HOUR_MS = 3_600_000;
const log = createLog({ level: "silent" });
const breathe = breather();
let metrics: TestMetrics;

beforeAll(async () => {
  metrics = await startTestMetrics(START);
});
afterAll(() => metrics?.stop());

const rolledOf = (hostId: string): Promise<object[]> =>
  metrics.platform.database.asSystem(async (tx) => {
    const rows = await Promise.all(
      ["metric_buckets", "metric_halves"].map((table) =>
        sql<object>`SELECT at, layout, samples, chunk, times FROM ${sql.table(table)}
          JOIN metric_subjects s ON s.id = subject WHERE s.host_id = ${hostId} ORDER BY at`.execute(tx.queries),
      ),
    );
    return rows.flatMap((answer) => answer.rows);
  });

// Written once an hour; the hour of the day in percent.
const hourly = (at: number): ReturnType<typeof batchOf> => {
  const ratio = new Date(at).getUTCHours() / 100;
  return batchOf(at, [ratio, ratio]);
};

test("31 days: samples for a day, five minutes for a week, half hours for thirty days, one answer over all, nothing after", async () => {
  const hostId = await metrics.fleet.addHost("month");
  for (let day = 0; day < 31; day++) {
    const hours = Array.from({ length: 24 }, (_, hour) => hourly(START + day * DAY_MS + hour * HOUR_MS));
    metrics.clock.advance(DAY_MS);
    await metrics.ingest(hostId, ...hours);
    await metrics.rollUp();
    await metrics.upkeep.retain();
  }
  const now = metrics.clock.now().getTime();
  expect(now).toBe(START + 31 * DAY_MS);
  const kept = ["metric_intake", "metric_samples", "metric_buckets", "metric_halves"];
  // A day's partition is kept until the last of it is too old.
  expect(await Promise.all(kept.map((table) => metrics.rows(table, hostId)))).toEqual([0, 25, 8 * 24, 31 * 24]);
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
  expect(await Promise.all(kept.map((table) => metrics.rows(table, hostId)))).toEqual([0, 0, 0, 0]);
});

test("a late batch is added to what is rolled up when its samples are long gone; a duplicate changes nothing", async () => {
  const hostId = await metrics.fleet.addHost("late");
  const bucket = metrics.clock.now().getTime();
  await metrics.ingest(hostId, batchOf(bucket, [0.1, 0.3]), batchOf(bucket + 60_000, [0.2]));
  metrics.clock.advance(3 * DAY_MS);
  await metrics.rollUp();
  await metrics.upkeep.retain();
  expect(await metrics.rows("metric_samples", hostId)).toBe(0);
  const before = await rolledOf(hostId);
  await metrics.ingest(hostId, batchOf(bucket, [0.1, 0.3]));
  // Late samples are not dropped before they are counted, whoever is first.
  await metrics.upkeep.retain();
  expect(await metrics.rows("metric_intake", hostId)).toBe(1);
  await metrics.rollUp();
  expect(await rolledOf(hostId)).toEqual(before);
  await metrics.ingest(hostId, batchOf(bucket + 60_000, [0.2, 0.9, 0.5]));
  await metrics.rollUp();
  const range = { from: new Date(bucket), to: new Date(bucket + BUCKET_MS) };
  expect(columnOf(await metrics.query(hostId, range), "cpu_percent")).toEqual([40]);
  await metrics.upkeep.retain();
  await metrics.ingest(hostId, batchOf(bucket, [0.1, 0.3]), batchOf(bucket + 60_000, [0.2, 0.9, 0.5]));
  await metrics.rollUp();
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
  await metrics.rollUp();
  await metrics.upkeep.retain();
  expect(await metrics.rows("metric_samples", hostId)).toBe(0);
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
  metrics.clock.advance(HALF_MS * 2);
  const now = metrics.clock.now().getTime();
  await closeIntake(metrics.platform.database, now);
  const count = (): Promise<number[]> =>
    Promise.all(["metric_intake", "metric_samples", "metric_buckets"].map((table) => metrics.rows(table, ended)));
  const endedAtEach = async (round: (database: Database) => Promise<boolean>): Promise<number> => {
    for (let statement = 1; ; statement++) {
      const before = await rolledOf(ended);
      const done = await round(endingAt(metrics.platform.database, statement)).then(
        () => true,
        () => false,
      );
      if (done) return statement;
      expect(await rolledOf(ended)).toEqual(before);
    }
  };
  expect(await count()).toEqual([3, 0, 0]);
  expect(await endedAtEach((database) => rollUpSome(database, now, log, breathe))).toBeGreaterThan(8);
  // What is done stays in the intake until the slot is emptied as a whole.
  expect(await count()).toEqual([3, 2, 2]);
  expect(await endedAtEach((database) => rollUpSome(database, now, log, breathe))).toBe(3);
  expect(await count()).toEqual([0, 2, 2]);
  expect(await endedAtEach((database) => rollUpHalves(database, now, log, breathe))).toBeGreaterThan(4);
  expect(await metrics.rows("metric_halves", ended)).toBe(1);
  expect(await rolledOf(ended)).toEqual(await rolledOf(whole));
});

test("more subjects than one look takes, and than one transaction: each is rolled up once, and stands in few rows by column", async () => {
  const HOSTS = 230;
  const at = metrics.clock.now().getTime();
  const hostIds: string[] = [];
  for (let i = 0; i < HOSTS; i++) hostIds.push(await metrics.fleet.addHost(`many-${i}`));
  for (const [i, hostId] of hostIds.entries()) await metrics.ingest(hostId, batchOf(at, [i / 1000, i / 1000]));
  metrics.clock.advance(HALF_MS * 2);
  await metrics.rollUp();
  const rows = await Promise.all(hostIds.map((hostId) => metrics.rows("metric_samples", hostId)));
  expect(new Set(rows)).toEqual(new Set([1]));
  const range = { from: new Date(at - BUCKET_MS), to: new Date(at + BUCKET_MS) };
  const { series } = await metrics.queryFleet({ column: "cpu_percent", hostIds, ...range, maxPoints: 1 });
  const all = hostIds.map((_, i) => i / 10).reduce((sum, one) => sum + one, 0) / HOSTS;
  expect(series[0]?.values.find((value) => !Number.isNaN(value))).toBeCloseTo(all, 1);
});

test("two control planes roll up while late batches come: every sample is there once", async () => {
  const { platform, clock } = metrics;
  const hostId = await metrics.fleet.addHost("busy");
  const connection = metrics.connection;
  const other = await openPlatform({ connection, clock, log });
  const from = clock.now().getTime() - 2 * HOUR_MS;
  let writing = true;
  const rollUp = async (database: Database): Promise<void> => {
    while (writing) {
      await metrics.reopen();
      await closeIntake(database, clock.now().getTime());
      await rollUpSome(database, clock.now().getTime(), log, breathe);
      await rollUpHalves(database, clock.now().getTime(), log, breathe);
    }
  };
  const rounds = [rollUp(platform.database), rollUp(other.database)];
  // Turn by turn to the same six buckets, so that they are rolled up again and again.
  for (let i = 0; i < 180; i++) {
    const at = from + (i % 6) * BUCKET_MS + Math.floor(i / 6) * 10_000;
    await metrics.ingest(hostId, batchOf(at, [i / 1000, i / 1000]));
    if (i % 20 === 7) await metrics.ingest(hostId, batchOf(at, [i / 1000, i / 1000]));
  }
  writing = false;
  await Promise.all(rounds);
  await metrics.rollUp();
  await other.close();
  const range = { from: new Date(from), to: new Date(from + 6 * BUCKET_MS) };
  expect((await metrics.query(hostId, { ...range, maxPoints: 1800 })).atMs).toHaveLength(360);
  expect([await metrics.rows("metric_intake", hostId), await metrics.rows("metric_half_pending", hostId)]).toEqual([
    0, 0,
  ]);
  // The statistics say the same, by subject and by column.
  const all = Array.from({ length: 180 }, (_, i) => i / 10).reduce((sum, one) => sum + one, 0) / 180;
  const fleet = await metrics.queryFleet({ column: "cpu_percent", hostIds: [hostId], ...range, maxPoints: 1 });
  expect(fleet.series[0]?.values[0]).toBeCloseTo(all, 1);
  clock.advance(10 * DAY_MS);
  const later = await metrics.query(hostId, { ...range, maxPoints: 1 });
  expect(columnOf(later, "cpu_percent")[0]).toBeCloseTo(all, 1);
});
