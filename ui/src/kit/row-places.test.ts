import { expect, test } from "vitest";
import { makePlaces } from "./row-places.ts";

test("rows that stay keep their places, rows that come take those of rows that left", () => {
  const place = makePlaces();
  expect(place(["a", "b", "c"])).toEqual([1, 2, 3]);
  expect(place(["b", "c", "d"])).toEqual([2, 3, 1]);
  expect(place(["x", "b", "c", "d", "y"])).toEqual([4, 2, 3, 1, 5]);
  // All at once: none is made, none is used twice.
  expect(new Set(place(["m", "n"])).size).toBe(2);
  expect(new Set(place(["o", "p", "q"])).size).toBe(3);
});
