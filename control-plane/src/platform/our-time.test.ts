import { expect, test } from "vitest";
import { inOurTime } from "./our-time.ts";

test("the skew is taken off, and nothing leaves what an answer can carry", () => {
  expect(inOurTime(new Date("2026-01-01T00:00:10Z"), 10_000)).toEqual(new Date("2026-01-01T00:00:00Z"));
  expect(inOurTime(new Date(0), 250)).toEqual(new Date(0));
  expect(inOurTime(new Date("+012026-01-01T00:00:00Z"), 0)).toEqual(new Date("9999-12-31T23:59:59.999Z"));
  expect(inOurTime(new Date(NaN), 0)).toEqual(new Date(0));
});
