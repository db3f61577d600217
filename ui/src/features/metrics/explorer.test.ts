import { describe, expect, test } from "vitest";
import { offsetOf, readQuery, requestOf, spanOf, USUAL, writeQuery } from "./explorer-query.ts";
import { groupFacts, resultOf, toCsv } from "./explorer-series.ts";

describe("the address of the explorer", () => {
  test("says what is not as usual, and is read back as it was", () => {
    const query = { ...USUAL, groupBy: "site", range: "24h", compare: "day", filter: "role=edge" } as const;
    expect(writeQuery(query)).toEqual({ groupBy: "site", range: "24h", compare: "day", filter: "role=edge" });
    expect(readQuery(writeQuery(query))).toEqual(query);
    expect(readQuery({})).toEqual(USUAL);
  });
  test("that says nonsense shows what is usual", () => {
    expect(readQuery({ range: "9y", aggregation: "x", figure: "rm -rf", subjects: ["a"], stackId: "stk_1" })).toEqual(
      USUAL,
    );
    expect(readQuery({ subjects: "containers", figure: "load_1m" })).toMatchObject({ figure: "cpu_percent" });
  });
});

describe("what is asked for", () => {
  const now = Date.parse("2026-11-22T12:03:00Z");
  const query = { ...USUAL, range: "1h", compare: "before" } as const;

  test("ends at a step, and an earlier range lies exactly one range before", () => {
    expect(spanOf(query, now)).toEqual({
      from: Date.parse("2026-11-22T11:05:00Z"),
      to: Date.parse("2026-11-22T12:05:00Z"),
    });
    expect(offsetOf(query)).toBe(3_600_000);
    expect(spanOf(query, now, offsetOf(query)).to).toBe(spanOf(query, now).from);
    expect(offsetOf({ ...query, compare: "week" })).toBe(604_800_000);
  });
  test("names the column, the hosts and how they are put together", () => {
    const request = requestOf("org", { ...query, filter: "site=paris", groupBy: "@host" }, spanOf(query, now));
    expect(request).toMatchObject({
      column: "cpu_percent",
      subjects: "METRIC_SUBJECTS_HOSTS",
      aggregation: "METRIC_AGGREGATION_AVERAGE",
      hostFilter: "site=paris",
      groupBy: "@host",
      to: "2026-11-22T12:05:00.000Z",
    });
  });
});

describe("the answer", () => {
  const now = {
    atMs: [10_000, 20_000, 30_000],
    stepSeconds: 10,
    unit: "percent",
    series: [
      { group: "lyon", values: [1, Number.NaN, 3], counts: [2, 0, 2] },
      { group: "paris", values: [10, 20, 30], counts: [3, 3, 3] },
    ],
    completeUntil: "1970-01-01T00:00:25Z",
  };
  const earlier = { atMs: [0, 20_000], series: [{ group: "paris", values: [5, 15], counts: [1, 1] }] };
  const result = resultOf(now, earlier, 10_000);

  test("keeps gaps, and lays the earlier range over the same times", () => {
    expect(result.lines.map(({ group, isEarlier, values }) => [group, isEarlier, values])).toEqual([
      ["lyon", false, [1, null, 3]],
      ["paris", false, [10, 20, 30]],
      ["paris", true, [5, null, 15]],
    ]);
    expect(result.completeUntilMs).toBe(25_000);
  });
  test("is told by group, the highest first, beside the earlier average", () => {
    expect(groupFacts(result.lines)).toEqual([
      { group: "paris", last: 30, average: 20, highest: 30, earlier: 10, count: 3 },
      { group: "lyon", last: 3, average: 2, highest: 3, earlier: null, count: 2 },
    ]);
    expect(groupFacts([])).toEqual([]);
  });
  test("is copied as text that no spreadsheet runs, with gaps as empty cells", () => {
    const lines = [{ group: '=cmd("x")', isEarlier: false, values: [null, 2], counts: [0, 1] }];
    const csv = toCsv({ ...result, atMs: [0, 1_000], lines }, (line) => line.group, "hosts");
    expect(csv.split("\n")).toEqual([
      `time,"'=cmd(""x"")","'=cmd(""x"") hosts"`,
      "1970-01-01T00:00:00.000Z,,0",
      "1970-01-01T00:00:01.000Z,2,1",
    ]);
  });
});
