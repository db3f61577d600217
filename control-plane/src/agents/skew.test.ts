import fc from "fast-check";
import { expect, test } from "vitest";
import { controlPlaneTimes, createSkewMeter } from "./skew.ts";

const NOW = 1_800_000_000_000;

test("the answer to the nonce bounds the way that heartbeats alone cannot see", () => {
  const meter = createSkewMeter();
  expect(meter.milliseconds).toBe(0);
  // 300 ms ahead, 100 ms there and 100 ms back.
  meter.answered(NOW + 100 + 300, NOW, NOW + 200);
  expect(meter.milliseconds).toBe(300);
  meter.heard(NOW + 15_000 + 300, NOW + 15_000 + 2_500);
  expect(meter.milliseconds).toBe(300);
});

test("whatever the way, the estimate is within half the way of the answer", () => {
  const way = fc.nat({ max: 1_900 });
  const runs = fc.record({
    skew: fc.integer({ min: -100_000_000, max: 100_000_000 }),
    there: way,
    back: way,
    beats: fc.array(fc.nat({ max: 40_000 }), { maxLength: 30 }),
  });
  fc.assert(
    fc.property(runs, ({ skew, there, back, beats }) => {
      const meter = createSkewMeter();
      meter.answered(NOW + there + skew, NOW, NOW + there + back);
      const bound = (there + back) / 2;
      expect(Math.abs(meter.milliseconds - skew)).toBeLessThanOrEqual(bound);
      beats.forEach((delay, i) => {
        const written = NOW + (i + 1) * 15_000;
        meter.heard(written + skew, written + delay);
        const recent = beats.slice(Math.max(0, i - 7), i + 1);
        const shortest = Math.min(...recent, ...(i < 7 ? [back] : []));
        expect(Math.abs(meter.milliseconds - skew)).toBeLessThanOrEqual(Math.max(bound, shortest));
      });
    }),
  );
});

test("a clock that is set is followed at once, forward and backward", () => {
  const meter = createSkewMeter();
  meter.answered(NOW, NOW, NOW);
  for (let i = 1; i < 5; i++) meter.heard(NOW + i * 15_000, NOW + i * 15_000 + 20);
  meter.heard(NOW + 75_000 + 3_600_000, NOW + 75_000);
  expect(meter.milliseconds).toBe(3_600_000);
  meter.heard(NOW + 90_000, NOW + 90_000 + 20);
  expect(meter.milliseconds).toBe(-20);
});

test("no event stands after a later one or after now, and a steady skew is taken off exactly", () => {
  const times = fc.array(fc.option(fc.integer({ min: NOW - 10_000_000, max: NOW + 10_000_000 }), { nil: undefined }));
  fc.assert(
    fc.property(times, fc.integer({ min: -5_000_000, max: 5_000_000 }), (written, skew) => {
      const shown = controlPlaneTimes(written, skew, NOW);
      expect(shown).toEqual(shown.toSorted((a, b) => a - b));
      expect(shown.every((at) => at <= NOW)).toBe(true);
      expect(controlPlaneTimes(written, skew, NOW)).toEqual(shown);
    }),
  );
  expect(controlPlaneTimes([NOW - 1_000, NOW - 500, NOW + 500], 500, NOW)).toEqual([NOW - 1_500, NOW - 1_000, NOW]);
  // Written by a clock of 1970 while the host was alone: kept in order before what came after.
  expect(controlPlaneTimes([5_000, undefined, NOW - 10], 0, NOW)).toEqual([5_000, NOW - 10, NOW - 10]);
});
