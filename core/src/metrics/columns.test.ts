import { expect, test } from "vitest";
import { columnMeaning } from "./index.ts";

test("a column is known with its device, and unknown with a wrong shape", () => {
  expect(columnMeaning("host", "disk_used_bytes:/var")).toMatchObject({ column: "disk_used_bytes", device: "/var" });
  expect(columnMeaning("host", "cpu_used_ratio")).toMatchObject({ column: "cpu_used_ratio", device: undefined });
  expect(columnMeaning("host", "disk_used_bytes")).toBeUndefined();
  expect(columnMeaning("host", "cpu_used_ratio:x")).toBeUndefined();
  expect(columnMeaning("container", "load_1m")).toBeUndefined();
  expect(columnMeaning("container", "constructor")).toBeUndefined();
});
