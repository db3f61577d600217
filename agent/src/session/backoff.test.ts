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

test("a host that is not welcome asks again after one to five minutes", () => {
  expect(refusedBackoffMs(0)).toBe(60_000);
  expect(refusedBackoffMs(1)).toBe(300_000);
});
