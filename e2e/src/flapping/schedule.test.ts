import { expect, test } from "vitest";
import { LINK_MODES, scheduleLink } from "./schedule.ts";

const DAY_MS = 86_400_000;

test("the same seed gives the same day, with every kind of trouble in it, short and longer than a lease", () => {
  const day = scheduleLink(7, DAY_MS);
  expect(scheduleLink(7, DAY_MS)).toEqual(day);
  expect(scheduleLink(8, DAY_MS)).not.toEqual(day);
  expect(new Set(day.map(({ mode }) => mode))).toEqual(new Set(LINK_MODES));
  expect(day.every(({ mode }, index) => (mode === "open") === (index % 2 === 0))).toBe(true);
  const lengths = day.flatMap(({ atMs, mode }, index) => {
    const next = day[index + 1];
    return mode === "open" || next === undefined ? [] : [next.atMs - atMs];
  });
  expect(Math.min(...lengths)).toBeLessThan(5_000);
  expect(Math.max(...lengths)).toBeGreaterThan(300_000);
  expect(day.length).toBeGreaterThan(300);
});
