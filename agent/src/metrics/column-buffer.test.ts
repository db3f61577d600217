import { expect, test } from "vitest";
import { createColumnBuffer } from "./column-buffer.ts";
import { createRateMeter } from "./rates.ts";

test("rows become columns of equal length; what was not known then is not a number", () => {
  const buffer = createColumnBuffer("abc");
  expect(buffer.drain()).toBeUndefined();
  buffer.add(1_000, new Map([["b", 1]]));
  buffer.add(
    2_000,
    new Map([
      ["a", 5],
      ["b", 2],
    ]),
  );
  expect(buffer.drain()).toEqual({
    containerId: "abc",
    atMs: [1_000n, 2_000n],
    columns: [
      { name: "a", values: [Number.NaN, 5] },
      { name: "b", values: [1, 2] },
    ],
    packedColumns: new Uint8Array(0),
  });
  expect(buffer.drain()).toBeUndefined();
});

test("a buffer that nobody drains keeps the newest hour", () => {
  const buffer = createColumnBuffer("");
  for (let i = 0; i < 1_000; i++) buffer.add(i, new Map([["a", i]]));
  expect(buffer.drain()?.atMs).toEqual(Array.from({ length: 720 }, (_, i) => BigInt(i + 280)));
});

test("a rate needs two looks, and a counter or clock that went back starts anew", () => {
  const meter = createRateMeter();
  expect(meter.rate("x", 100, 1_000)).toBeNaN();
  expect(meter.rate("x", 300, 2_000)).toBe(200);
  expect(meter.rate("x", 50, 3_000)).toBeNaN();
  expect(meter.rate("x", 150, 2_500)).toBeNaN();
  meter.sweep();
  meter.sweep();
  expect(meter.rate("x", 500, 9_000)).toBeNaN();
});
