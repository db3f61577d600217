import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { InterpolationError, interpolateText } from "./interpolate-text.ts";

const variables: Readonly<Record<string, string>> = { SET: "value", EMPTY: "", _a1: "under", NEST: "SET" };

function put(text: string): string {
  return interpolateText(text, { get: (name) => (Object.hasOwn(variables, name) ? variables[name] : undefined) });
}

test.each([
  ["plain", "plain"],
  ["$SET-$_a1", "value-under"],
  ["${SET}${EMPTY}${UNSET}|", "value|"],
  ["$$SET $${SET} $$$$", "$SET ${SET} $$"],
  ["$ $1 $- a$", "$ $1 $- a$"],
  ["${SET:-d} ${EMPTY:-d} ${UNSET:-d}", "value d d"],
  ["${SET-d}|${EMPTY-d}|${UNSET-d}", "value||d"],
  ["${SET:+a}|${EMPTY:+a}|${UNSET:+a}", "a||"],
  ["${SET+a}|${EMPTY+a}|${UNSET+a}", "a|a|"],
  ["${SET:?m} ${EMPTY?m}|", "value |"],
  ["${UNSET:-${EMPTY:-${SET}}}", "value"],
  ['${UNSET:-{"x":1}} tail ${UNSET:-y}', '{"x":1} tail y'],
  ["${UNSET:-{}}", "{}"],
  ["${UNSET:-a:b-c}", "a:b-c"],
  ["${UNSET:-$$}", "$"],
  ["${UNSET-}${UNSET-}x", "x"],
])("%s", (text, expected) => {
  expect(put(text)).toBe(expected);
});

describe("refusals", () => {
  test.each(["${", "${}", "${1}", "${SET", "${SET:x}", "a ${SET b", "${UNSET:-a\n}"])("%j is no reference", (text) => {
    expect(() => put(text)).toThrow(InterpolationError);
  });

  test.each([
    ["${UNSET:?set it}", "UNSET: set it"],
    ["${EMPTY:?}", "EMPTY"],
    ["${UNSET?$SET first}", "UNSET: value first"],
  ])("%s demands a value", (text, message) => {
    expect(() => put(text)).toThrow(message);
  });
});

test("a variable without value or default is named", () => {
  const missing: string[] = [];
  interpolateText("$A ${B} ${C:-} ${D+x} $$E", { get: () => undefined, missing: (name) => missing.push(name) });
  expect(missing).toEqual(["A", "B"]);
});

test("a text without dollar signs stays, and doubled dollar signs are halved", () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      expect(put(text.split("$").join("$$"))).toBe(text);
    }),
  );
});

test("what is put in is not searched again", () => {
  fc.assert(
    fc.property(fc.string(), (value) => {
      expect(interpolateText("<${A}>", { get: () => value })).toBe(`<${value}>`);
    }),
  );
});

describe("bounds", () => {
  test("a long line of references takes linear time", () => {
    const text = "${A:-x}".repeat(60_000);
    expect(put(text)).toBe("x".repeat(60_000));
  });

  test("defaults nested without end are refused", () => {
    expect(() => put("${A:-".repeat(60) + "}".repeat(60))).toThrow("nested deeper than 50");
  });

  test("a text that grows too long is refused", () => {
    const lookup = { get: () => "x".repeat(100_000) };
    expect(() => interpolateText("$A".repeat(20), lookup)).toThrow("grows beyond");
  });
});
