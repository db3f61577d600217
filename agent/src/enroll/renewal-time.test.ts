import { expect, test } from "vitest";
import { isExpired, renewalTime } from "./renewal-time.ts";

const validity = { notBefore: 1_000, notAfter: 11_000 };

test("a certificate is renewed between half and six tenths of its life", () => {
  expect(renewalTime(validity, 0)).toBe(6_000);
  expect(renewalTime(validity, 1)).toBe(7_000);
});

test("it is over at its end, not before", () => {
  expect(isExpired(validity, 10_999)).toBe(false);
  expect(isExpired(validity, 11_000)).toBe(true);
});
