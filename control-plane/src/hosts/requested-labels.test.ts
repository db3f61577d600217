import { expect, test } from "vitest";
import { divideRequested, requestProblem, stillRequested } from "./requested-labels.ts";

test("a machine sets the keys that its token leaves to it; the token's own labels stand, and the rest waits", () => {
  const token = { labels: { site: "paris" }, hostLabelKeys: ["rack", "site"] };
  const asked = { rack: "4", site: "lyon", role: "edge" };
  expect(divideRequested(token, asked)).toEqual({
    labels: { site: "paris", rack: "4" },
    waiting: { site: "lyon", role: "edge" },
  });
  expect(divideRequested(token, { site: "paris" })).toEqual({ labels: { site: "paris" }, waiting: {} });
  expect(divideRequested({ labels: {}, hostLabelKeys: [] }, { role: "edge" }).labels).toEqual({});
});

test("a request is over once a person has given the label, with whichever machine's value it was asked for", () => {
  expect(stillRequested({ role: "edge", rack: "4" }, { role: "edge", rack: "5" })).toEqual({ rack: "4" });
});

test("a request larger than what a host can have is refused with its place", () => {
  const many = Object.fromEntries(Array.from({ length: 65 }, (_, i) => [`k${i}`, "v"]));
  expect(requestProblem(many)?.message).toContain("at most 64");
  expect(requestProblem({ ["k".repeat(64)]: "v" })?.message).toContain("at most 63");
  expect(requestProblem({ key: "v".repeat(256) })?.path).toBe('labels["key"]');
  expect(requestProblem({ site: "paris" })).toBeUndefined();
});
