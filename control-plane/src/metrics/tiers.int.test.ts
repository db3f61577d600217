import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { aggregate, type Aggregation } from "./fleet-shape.ts";
import { HALF_MS } from "./model.ts";
import { batchOf, columnOf, DAY_MS, startTestMetrics, type TestMetrics } from "./testing.ts";

// Answers of all tiers beside an oracle that has every sample: whatever came late, twice, and in whatever order.
const START = new Date("2026-10-01T00:00:00Z").getTime();
const DAYS = 10;
const SAMPLE_MS = 5000;
const RUNS = 6;
// A hundredth of a percent is what is stored, rounded for five minutes and again for half an hour.
const CLOSE = 0.04;
let metrics: TestMetrics;
let run = 0;

beforeAll(async () => {
  metrics = await startTestMetrics(START);
});
afterAll(() => metrics?.stop());

const batch = fc.record({
  host: fc.integer({ min: 0, max: 3 }),
  day: fc.integer({ min: 0, max: DAYS - 1 }),
  /** Of few hours and few begins, so that many fall into the same buckets. */
  hour: fc.constantFrom(0, 1, 13),
  begin: fc.integer({ min: 0, max: 700 }),
  ratios: fc.array(fc.integer({ min: 0, max: 100 }), { minLength: 1, maxLength: 40 }),
  /** Days until it comes, and until it comes once more. */
  late: fc.constantFrom(0, 0, 0, 0, 1, 3, 8),
  again: fc.constantFrom(undefined, undefined, 0, 2, 8),
});
type Batch = typeof batch extends fc.Arbitrary<infer Value> ? Value : never;

const atOf = (from: number, { day, hour, begin }: Batch): number =>
  from + day * DAY_MS + hour * 3_600_000 + begin * SAMPLE_MS;

/** By host and time, the first that was given for each. */
function oracleOf(from: number, batches: readonly Batch[]): Map<number, number>[] {
  const hosts = [0, 1, 2, 3].map(() => new Map<number, number>());
  for (const one of batches) {
    one.ratios.forEach((ratio, i) => hosts[one.host]?.set(atOf(from, one) + i * SAMPLE_MS, ratio));
  }
  return hosts;
}

/** One value a time: where two batches say something of the same moment, the later one says the same. */
function agreed(from: number, batches: readonly Batch[]): Batch[] {
  const known = new Map<string, number>();
  return batches.map((one) => {
    const ratios = one.ratios.map((ratio, i) => {
      const key = `${one.host} ${atOf(from, one) + i * SAMPLE_MS}`;
      known.set(key, known.get(key) ?? ratio);
      return known.get(key) ?? ratio;
    });
    return { ...one, ratios };
  });
}

async function deliver(from: number, batches: readonly Batch[], ids: readonly string[]): Promise<void> {
  for (let day = 0; day < DAYS; day++) {
    metrics.clock.advance(DAY_MS);
    const last = day === DAYS - 1;
    for (const one of batches) {
      const due = Math.min(one.day + one.late, DAYS - 1);
      const again = one.again === undefined ? -1 : Math.min(due + one.again, DAYS - 1);
      const values = one.ratios.map((ratio) => ratio / 100);
      const sent = batchOf(atOf(from, one), values);
      if (due === day) await metrics.ingest(ids[one.host] ?? "", sent);
      if (again === day) await metrics.ingest(ids[one.host] ?? "", sent);
    }
    // The last day's is not all rolled up.
    if (!last) await metrics.rollUp();
    if (day % 3 === 2) await metrics.upkeep.retain();
  }
}

const AGGREGATIONS: readonly Aggregation[] = ["average", "sum", "maximum", "minimum", "p95"];

function expected(hosts: readonly Map<number, number>[], aggregation: Aggregation, from: number, to: number): number {
  const values = hosts.flatMap((samples) => {
    const own = [...samples].filter(([at]) => at >= from && at < to).map(([, ratio]) => ratio);
    if (own.length === 0) return [];
    if (aggregation === "maximum" || aggregation === "minimum") return [aggregate(own, aggregation)];
    return [aggregate(own, "average")];
  });
  return aggregate(values, aggregation);
}

function expectClose(found: number | undefined, wanted: number, of: object): void {
  const isSame = Number.isNaN(wanted) ? Number.isNaN(found) : Math.abs((found ?? Number.NaN) - wanted) <= CLOSE;
  if (!isSame) expect({ ...of, found }).toEqual({ ...of, found: wanted });
}

test("whatever is late, twice or out of order: all tiers say what an oracle with every sample says", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(batch, { minLength: 5, maxLength: 40 }), async (made) => {
      const from = metrics.clock.now().getTime();
      run += 1;
      const ids: string[] = [];
      for (let i = 0; i < 4; i++) {
        ids.push(await metrics.fleet.addHost(`run-${run}-${i}`, { run: String(run), site: i < 2 ? "a" : "b" }));
      }
      const batches = agreed(from, made);
      await deliver(from, batches, ids);
      const hosts = oracleOf(from, batches);
      const to = from + DAYS * DAY_MS;
      for (const settled of [false, true]) {
        if (settled) await metrics.rollUp();
        // What was late and is not rolled up is missing where its bucket is known already.
        const isWhole = settled || batches.every(({ late, again }) => late === 0 && again === undefined);
        if (isWhole) await compare(hosts, ids, from, to);
      }
    }),
    { numRuns: RUNS, endOnFailure: true },
  );
});

async function compare(
  hosts: readonly Map<number, number>[],
  ids: readonly string[],
  from: number,
  to: number,
): Promise<void> {
  const range = { from: new Date(from), to: new Date(to) };
  for (const aggregation of AGGREGATIONS) {
    const groups = { a: hosts.slice(0, 2), b: hosts.slice(2) };
    const answer = await metrics.queryFleet({
      ...range,
      column: "cpu_percent",
      aggregation,
      hostFilter: `run=${run}`,
      groupBy: "site",
      maxPoints: 2000,
    });
    expect(answer.stepMs).toBe(HALF_MS);
    for (const { group, values } of answer.series) {
      answer.atMs.forEach((at, i) => {
        const wanted = expected(groups[group as "a" | "b"], aggregation, at, at + answer.stepMs);
        expectClose(values[i], wanted, { group, aggregation, at: new Date(at).toISOString() });
      });
    }
  }
  for (const [i, hostId] of ids.entries()) {
    const series = await metrics.query(hostId, { ...range, maxPoints: 100 });
    // A host that never sent anything has no steps.
    if (hosts[i]?.size === 0) continue;
    const known = new Map(series.atMs.map((at, n) => [at, columnOf(series, "cpu_percent")[n]]));
    for (let at = from; at < to; at += series.stepMs) {
      const wanted = expected([hosts[i] ?? new Map<number, number>()], "average", at, at + series.stepMs);
      expectClose(known.get(at) ?? Number.NaN, wanted, { hostId, at: new Date(at).toISOString() });
    }
  }
}
