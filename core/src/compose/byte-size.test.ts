import { expect, test } from "vitest";
import { parseByteSize } from "./byte-size.ts";

test.each([
  ["0", 0],
  ["1024", 1024],
  ["64m", 67_108_864],
  ["64MB", 67_108_864],
  ["64 MiB", 67_108_864],
  ["1.5g", 1_610_612_736],
  ["10b", 10],
  ["1e3", 1000],
  ["1_000k", 1_024_000],
  ["+2k", 2048],
  ["-1", -1],
])("%s is %d bytes", (text, bytes) => {
  expect(parseByteSize(text)).toBe(bytes);
});

test.each(["", "m", "1ki", "1 x", "1mm", "-2", " 1", "1  k", "1__0", "_1", "1e400"])("refuses %j", (text) => {
  expect(parseByteSize(text)).toBeUndefined();
});
