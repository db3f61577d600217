import { expect, test } from "vitest";
import { manualClock } from "./clock.ts";
import { createNewId, isId } from "./ids.ts";

test("ids carry their kind and sort by the time they were made", () => {
  const clock = manualClock(new Date("2026-01-01T00:00:00Z"));
  const newId = createNewId(clock, (size) => new Uint8Array(size).fill(0xff));
  const first = newId("hst");
  expect(first).toBe("hst_019b76da-a800-7fff-bfff-ffffffffffff");
  clock.advance(1);
  expect(newId("hst") > first).toBe(true);
  expect([isId("hst", first), isId("stk", first), isId("hst", "hst_x")]).toEqual([true, false, false]);
  expect(() => newId("Host!")).toThrow(/not an id prefix/);
});
