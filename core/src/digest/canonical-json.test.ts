import fc from "fast-check";
import { expect, test } from "vitest";
import { canonicalJson, compareBytes } from "./canonical-json.ts";

test("members are ordered and absent ones left out", () => {
  expect(canonicalJson({ b: 1, "10": [null, "x"], a: { d: undefined, c: true } })).toBe(
    '{"10":[null,"x"],"a":{"c":true},"b":1}',
  );
});

test("the order in which an object was built does not matter", () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (object) => {
      const reversed = Object.fromEntries(Object.entries(object).toReversed());
      expect(canonicalJson(reversed)).toBe(canonicalJson(object));
      expect(JSON.parse(canonicalJson(object))).toEqual(JSON.parse(JSON.stringify(object)));
    }),
  );
});

test("keys are ordered as their bytes", () => {
  fc.assert(
    fc.property(fc.string({ unit: "grapheme" }), fc.string({ unit: "grapheme" }), (a, b) => {
      const expected = Buffer.compare(Buffer.from(a), Buffer.from(b));
      expect(Math.sign(compareBytes(a, b))).toBe(expected);
    }),
  );
});

test.each([Number.NaN, Infinity, 1n, () => 1])("refuses %s", (value) => {
  expect(() => canonicalJson({ value })).toThrow(TypeError);
});
