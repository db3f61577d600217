import { expect, test } from "vitest";
import { parseLabels } from "./labels.ts";

test("labels are pairs with commas between; what is no pair is named", () => {
  expect(parseLabels("")).toEqual({});
  expect(parseLabels("site=paris, role=edge=1,empty=")).toEqual({ site: "paris", role: "edge=1", empty: "" });
  expect(() => parseLabels("site=paris,edge")).toThrow(/"edge" is no label/);
  expect(() => parseLabels("=paris")).toThrow(/"=paris" is no label/);
});
