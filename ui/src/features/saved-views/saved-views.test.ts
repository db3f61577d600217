import { expect, test } from "vitest";
import { currentView, sortedViews } from "./view-state.ts";

const views = [
  { id: "1", name: "Paris", filter: "site=paris", shared: true },
  { id: "2", name: "mine", filter: "site=paris", orderBy: "name", own: true },
  { id: "3", name: "By site", groupBy: "site", own: true },
];

test("the view that is shown is found whatever the spaces, one's own first", () => {
  expect(currentView(views, { filter: " site=paris  ", orderBy: "name", groupBy: "" })?.id).toBe("2");
  expect(currentView(views, { filter: "", orderBy: "", groupBy: "site" })?.id).toBe("3");
  expect(currentView(views, { filter: "site=lyon", orderBy: "name", groupBy: "" })).toBeUndefined();
});

test("one's own views stand apart from those of others, by name", () => {
  const { own, others } = sortedViews(views);
  expect([own.map(({ name }) => name), others.map(({ name }) => name)]).toEqual([["By site", "mine"], ["Paris"]]);
});
