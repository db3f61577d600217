import fc from "fast-check";
import { expect, test } from "vitest";
import { backoffMs, refusedBackoffMs } from "./backoff.ts";

const random = fc.double({ min: 0, max: 1, noNaN: true });

test("a pause is anywhere between nothing and the window of its attempt", () => {
  expect([0, 1, 2, 3, 4, 5, 6, 50].map((failures) => backoffMs(failures, 1))).toEqual([
    1_000, 2_000, 4_000, 8_000, 15_000, 15_000, 15_000, 15_000,
  ]);
  fc.assert(
    fc.property(fc.nat(1_000), random, (failures, draw) => {
      expect(backoffMs(failures, draw)).toBeGreaterThanOrEqual(0);
      expect(backoffMs(failures, draw)).toBeLessThanOrEqual(backoffMs(failures, 1));
    }),
  );
});

test("a host of a large fleet comes back within as long as the control plane needs for the whole of it, and half a minute", () => {
  expect([0, 3, 50].map((failures) => backoffMs(failures, 1, 12_000))).toEqual([12_000, 12_000, 15_000]);
  expect(backoffMs(0, 0.5, 12_000)).toBe(6_000);
  expect(backoffMs(0, 1, 4_000_000_000)).toBe(30_000);
});

test("a host that is not welcome asks again after one to five minutes", () => {
  expect(refusedBackoffMs(0)).toBe(60_000);
  expect(refusedBackoffMs(1)).toBe(300_000);
});
