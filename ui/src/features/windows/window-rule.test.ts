import { expect, test } from "vitest";
import { expressionFault, expressionText, holds, typedValues, withOperator } from "../stacks/label-expressions.ts";
import { dayName, dayRuns, daysText, isZone } from "../../kit/weekdays.ts";
import { closing, ruleFaults } from "./window-rule.ts";

test("what is missing of a rule is named", () => {
  expect(ruleFaults({})).toEqual(["name", "zone", "opensAt", "duration"]);
  const rule = { name: "night", timeZone: "Europe/Paris", opensAt: "22:00", durationMinutes: 360 };
  expect(ruleFaults(rule)).toEqual([]);
  expect(ruleFaults({ ...rule, opensAt: "24:00", durationMinutes: 10_081, timeZone: "Paris" })).toEqual([
    "zone",
    "opensAt",
    "duration",
  ]);
  expect(ruleFaults({ ...rule, expressions: [{ key: "", operator: "OPERATOR_EXISTS" }] })).toEqual(["expressions"]);
});
test("it closes on the day that it closes on", () => {
  expect(closing({ opensAt: "22:00", durationMinutes: 360 })).toEqual({ time: "04:00", days: 1 });
  expect(closing({ opensAt: "05:30", durationMinutes: 90 })).toEqual({ time: "07:00", days: 0 });
  expect(closing({ opensAt: "00:00", durationMinutes: 2_880 })).toEqual({ time: "00:00", days: 2 });
});
test("days are told in runs, Monday first", () => {
  expect(dayRuns([])).toEqual([[1, 7]]);
  expect(dayRuns([7, 1, 2, 3, 5])).toEqual([
    [1, 3],
    [5, 5],
    [7, 7],
  ]);
  expect(dayName(1, "en")).toBe("Mon");
  expect(dayName(7, "fr")).toBe("dim.");
  expect(daysText([1, 2, 3, 4, 5], "en")).toBe("Mon–Fri");
  expect(daysText([6, 7], "en")).toBe("Sat, Sun");
});
test("a zone is one that the browser knows", () => {
  expect([isZone("Europe/Paris"), isZone("UTC"), isZone("Mars/Base"), isZone("")]).toEqual([true, true, false, false]);
});
test("expressions keep what their operator can have", () => {
  const one = { key: "site", operator: "OPERATOR_IN" as const, values: ["paris", "lyon"] };
  expect(expressionText(one)).toBe("site in (paris, lyon)");
  expect(withOperator(one, "exists")).toEqual({ key: "site", operator: "OPERATOR_EXISTS", values: [] });
  expect(expressionText(withOperator(one, "equals"))).toBe("site=paris");
  expect(expressionText(withOperator(one, "absent"))).toBe("!site");
  expect(expressionFault(withOperator({ key: "site" }, "in"))).toBe("values");
  expect(expressionFault({ key: " ", operator: "OPERATOR_EXISTS" })).toBe("key");
  expect(typedValues(" a, b ,,c")).toEqual(["a", "b", "c"]);
});
test("expressions hold as the control plane reads them", () => {
  const labels = { site: "paris" };
  const one = (
    operator: "OPERATOR_IN" | "OPERATOR_NOT_IN" | "OPERATOR_EXISTS" | "OPERATOR_ABSENT" | "OPERATOR_EQUALS",
    key: string,
  ) => holds({ key, operator, values: ["paris"] }, labels);
  expect([one("OPERATOR_IN", "site"), one("OPERATOR_EQUALS", "site"), one("OPERATOR_EXISTS", "site")]).toEqual([
    true,
    true,
    true,
  ]);
  expect([one("OPERATOR_NOT_IN", "site"), one("OPERATOR_ABSENT", "site"), one("OPERATOR_EQUALS", "rack")]).toEqual([
    false,
    false,
    false,
  ]);
  expect([one("OPERATOR_NOT_IN", "rack"), one("OPERATOR_ABSENT", "rack")]).toEqual([true, true]);
});
