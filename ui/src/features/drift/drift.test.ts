import { expect, test } from "vitest";
import { correctAll } from "./bulk-correct.ts";
import { stateOf, waits } from "./drift-list.ts";

test("correcting many goes on when one fails, and never asks for more than a few at once", async () => {
  let [now, most] = [0, 0];
  const drifts = Array.from({ length: 30 }, (_, index) => ({ id: String(index) }));
  const outcome = await correctAll(drifts, async (drift) => {
    most = Math.max(most, (now += 1));
    await new Promise((resolve) => setTimeout(resolve, 1));
    now -= 1;
    if (drift.id === "7") throw new Error("its image is away");
    return drift;
  });
  expect([outcome.done.length, outcome.failed.map(({ drift }) => drift.id), most]).toEqual([29, ["7"], 4]);
});

test("only what is open waits for a person", () => {
  expect(stateOf({})).toBe("open");
  expect([
    waits({ state: "STATE_OPEN" }),
    waits({ state: "STATE_CORRECTING" }),
    waits({ state: "STATE_GONE" }),
  ]).toEqual([true, false, false]);
});
