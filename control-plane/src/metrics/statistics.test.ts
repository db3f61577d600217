import { expect, test } from "vitest";
import type { Samples } from "./model.ts";
import { addSamples, statisticsAsSamples, statisticsFromSamples, statisticsOf } from "./statistics.ts";

const samples = (from: number, values: number[], name = "cpu_used_ratio"): Samples => ({
  atMs: values.map((_, i) => from + i * 5000),
  columns: new Map([[name, values]]),
});

test("what is stored comes back, also of a figure that some samples lacked", () => {
  const known = statisticsOf(0, {
    atMs: [0, 5000, 10_000],
    columns: new Map([
      ["cpu_used_ratio", [0.25, 0.75, 0.5]],
      ["memory_used_bytes", [Number.NaN, 2 ** 40, 2 ** 40]],
      ["swap_used_bytes", [Number.NaN, Number.NaN, Number.NaN]],
    ]),
  });
  expect(known.columns.get("cpu_used_ratio")).toEqual({
    average: 0.5,
    maximum: 0.75,
    minimum: 0.25,
    last: 0.5,
    count: 3,
  });
  expect(known.columns.get("memory_used_bytes")?.count).toBe(2);
  expect(statisticsFromSamples("host", statisticsAsSamples("host", known), known.seconds)).toEqual(known);
});

test("what older versions wrote has an average and a maximum, and takes nothing in", () => {
  const old = { atMs: [0, 1], columns: new Map([["cpu_used_ratio", [0.5, 0.75]]]) };
  const known = statisticsFromSamples("host", old, undefined);
  expect(known.columns.get("cpu_used_ratio")).toMatchObject({ average: 0.5, maximum: 0.75, minimum: 0.5, last: 0.5 });
  expect(addSamples(known, samples(0, [1]))).toBe(known);
});

test("in whatever pieces and order samples come, and however often, the statistics are the same", () => {
  const values = [0.1, 0.9, 0.3, 0.5, 0.7];
  const whole = statisticsOf(0, samples(0, values));
  const pieces = values.map((value, i) => samples(i * 5000, [value]));
  for (const order of [
    [4, 3, 2, 1, 0],
    [0, 1, 2, 3, 4],
    [2, 0, 2, 4, 1, 3, 0],
  ]) {
    const [first, ...rest] = order.map((i) => pieces[i] ?? samples(0, []));
    const known = rest.reduce(addSamples, statisticsOf(0, first ?? samples(0, [])));
    const { average = 0, ...others } = known.columns.get("cpu_used_ratio") ?? {};
    expect(average).toBeCloseTo(0.5, 12);
    expect(others).toEqual({ maximum: 0.9, minimum: 0.1, last: 0.7, count: 5 });
    expect(known.seconds).toEqual(whole.seconds);
  }
});
