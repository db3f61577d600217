import { expect, test } from "vitest";
import { parseBootTime, parseCpuModel, parseOsRelease } from "./proc-text.ts";

test("os-release is read with and without quotes", () => {
  expect(parseOsRelease('PRETTY_NAME="Debian GNU/Linux 12"\nNAME="Debian GNU/Linux"\nVERSION_ID="12"\n')).toEqual({
    name: "Debian GNU/Linux",
    version: "12",
  });
  expect(parseOsRelease("NAME=Alpine\nVERSION_ID=3.20\n")).toEqual({ name: "Alpine", version: "3.20" });
  expect(parseOsRelease("")).toEqual({ name: "Linux", version: "" });
});

test("processor and boot time are read, or absent", () => {
  expect(parseCpuModel("processor\t: 0\nmodel name\t: AMD EPYC\n")).toBe("AMD EPYC");
  expect(parseCpuModel("processor : 0\n")).toBe("");
  expect(parseBootTime("cpu 1 2 3\nbtime 1700000000\n")).toBe(1_700_000_000_000);
  expect(parseBootTime("cpu 1\n")).toBeUndefined();
});
