import { expect, test } from "vitest";
import { compareVersions } from "./versions.ts";

test("versions are put in order as agents put them", () => {
  const inOrder = [
    "no version",
    "0.2.0-alpha",
    "0.2.0-alpha.1",
    "0.2.0-rc.9",
    "0.2.0-rc.10",
    "0.2.0",
    "v0.2.1",
    "0.10.0+build.7",
  ];
  expect(inOrder.toReversed().toSorted(compareVersions)).toEqual(inOrder);
  expect(compareVersions("1.0.0-rc.1+a", "1.0.0-rc.1+b")).toBe(0);
});
