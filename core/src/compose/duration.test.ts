import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { formatGoDuration, parseGoDuration } from "./duration.ts";

describe("durations", () => {
  test.each([
    ["0", 0n, "0s"],
    ["90s", 90_000_000_000n, "1m30s"],
    ["1m30s", 90_000_000_000n, "1m30s"],
    ["1.5h", 5_400_000_000_000n, "1h30m0s"],
    ["500ms", 500_000_000n, "500ms"],
    ["1.5ms", 1_500_000n, "1.5ms"],
    ["2us", 2_000n, "2µs"],
    ["7ns", 7n, "7ns"],
    ["1d", 86_400_000_000_000n, "24h0m0s"],
    ["1w1s", 604_801_000_000_000n, "168h0m1s"],
    ["-10s", -10_000_000_000n, "-10s"],
  ])("%s", (text, nanoseconds, printed) => {
    expect(parseGoDuration(text)).toBe(nanoseconds);
    expect(formatGoDuration(nanoseconds)).toBe(printed);
  });

  test.each(["", "-", "s", "10", "1x", "1 s", "1s ", "..1s", "300000w"])("refuses %j", (text) => {
    expect(parseGoDuration(text)).toBeUndefined();
  });

  test("what is printed reads back as the same value", () => {
    fc.assert(
      fc.property(fc.bigInt(-(2n ** 62n), 2n ** 62n), (nanoseconds) => {
        expect(parseGoDuration(formatGoDuration(nanoseconds))).toBe(nanoseconds);
      }),
    );
  });
});
