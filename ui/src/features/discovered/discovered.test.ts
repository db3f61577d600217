import { expect, test } from "vitest";
import { STACK_NAME } from "../stacks/stack-name.ts";
import { changesNothing, runningOf } from "./project.ts";

test("adopting changes nothing only where a host was asked and has no step", () => {
  expect([
    changesNothing({ steps: [] }),
    changesNothing({ steps: [{ op: "wait" }] }),
    changesNothing({ steps: [], notReached: "away" }),
    changesNothing(undefined),
  ]).toEqual([true, false, false, false]);
});
test("containers of a project are added up", () => {
  const services = [
    { service: "a", containersRunning: 2, containersTotal: 3 },
    { service: "b", containersTotal: 1 },
  ];
  expect(runningOf({ services })).toEqual({ running: 2, total: 4 });
});
test("a stack has the name that compose allows", () => {
  expect(["shop", "1shop_a-b", "Shop", "-a", ""].map((name) => STACK_NAME.test(name))).toEqual([
    true,
    true,
    false,
    false,
    false,
  ]);
});
