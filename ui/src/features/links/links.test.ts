import { expect, test } from "vitest";
import { isOvernight, limitFault, linkFaults, rateText, typedRate, withRate } from "./link-rule.ts";

test("rates are typed in the unit that leaves no digits behind", () => {
  expect(typedRate({ bytesPerSecond: "2500000" })).toEqual({ amount: 2.5, unit: "mb" });
  expect(typedRate({ bytesPerSecond: "1234000" })).toEqual({ amount: 1_234, unit: "kb" });
  expect(typedRate({ bytesPerSecond: "500000" })).toEqual({ amount: 500, unit: "kb" });
  expect(typedRate({ bytesPerSecond: "0" })).toEqual({ amount: 0, unit: "stop" });
  expect(withRate({ class: "CLASS_LOGS" }, 2.5, "mb")).toEqual({ class: "CLASS_LOGS", bytesPerSecond: "2500000" });
  expect(withRate({ class: "CLASS_LOGS", bytesPerSecond: "5" }, undefined, "kb")).toEqual({ class: "CLASS_LOGS" });
  expect(rateText("20000", { kb: "kB/s", mb: "MB/s" }, "en")).toBe("20 kB/s");
});
test("what a limit lacks is named; control cannot be stopped", () => {
  expect(limitFault({ class: "CLASS_LAYERS", bytesPerSecond: "0" }, false)).toBeUndefined();
  expect(limitFault({ class: "CLASS_CONTROL", bytesPerSecond: "0" }, false)).toBe("control");
  expect(limitFault({ class: "CLASS_CONTROL", bytesPerSecond: "999" }, false)).toBe("rate");
  expect(limitFault({ class: "CLASS_LAYERS" }, false)).toBe("rate");
  expect(limitFault({ class: "CLASS_LAYERS", bytesPerSecond: "1", from: "22:00" }, true)).toBe("hours");
  expect(isOvernight({ from: "22:00", until: "05:30" })).toBe(true);
});
test("what a profile lacks is named", () => {
  expect(linkFaults({ name: "Plants", order: 10 })).toEqual([]);
  const faulty = { name: " ", order: -1, timeZone: "Mars/Base", siteLabel: "a b", expressions: [{ key: "" }] };
  expect(linkFaults(faulty)).toEqual(["name", "order", "expressions", "zone", "site"]);
});
