import { expect, test } from "vitest";
import { resolvePlainScalar, textOf } from "./yaml-scalar.ts";

test.each([
  ["0440", "288"],
  ["0o17", "15"],
  ["0x1F", "31"],
  ["0b101", "5"],
  ["-0b11", "-3"],
  ["1_000", "1000"],
  ["+1", "1"],
  ["-0", "0"],
  ["08", "8"],
  ["12345678901234567890", "12345678901234567890"],
  ["99999999999999999999", "1e+20"],
  ["1e3", "1000"],
  ["1e6", "1e+06"],
  ["1.50", "1.5"],
  ["10.0", "10"],
  ["0.00001", "1e-05"],
  ["true", "true"],
  ["False", "false"],
  ["yes", "yes"],
  ["on", "on"],
  ["12:30:45", "12:30:45"],
  ["1.2.3", "1.2.3"],
  ["1e", "1e"],
  ["0b2", "0b2"],
  ["~", ""],
  ["NULL", ""],
  ["nULL", "nULL"],
  [".inf", "+Inf"],
])("%s becomes %j", (plain, text) => {
  expect(textOf(resolvePlainScalar(plain))).toBe(text);
});

test.each([
  ["2021-01-31", "timestamp"],
  ["2021-1-1", "timestamp"],
  ["2021-01-31T10:00:00Z", "timestamp"],
  ["2021-02-30", "string"],
  ["2021-13-01", "string"],
])("%s is a %s", (plain, type) => {
  expect(resolvePlainScalar(plain).type).toBe(type);
});
