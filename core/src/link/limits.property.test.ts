import fc from "fast-check";
import { expect, test } from "vitest";
import { type ZoneClock, clockOf } from "../zone/index.ts";
import { LINK_CLASSES, type LinkLimitRule, limitsAt } from "./limits.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const ZONES = ["UTC", "Europe/Paris", "America/New_York", "Australia/Lord_Howe", "America/Santiago", "Asia/Kathmandu"];
const CLOCKS = new Map(ZONES.map((zone) => [zone, clockOf(zone)]));

const minute = fc.integer({ min: 0, max: 1_439 });
const rule: fc.Arbitrary<LinkLimitRule> = fc.record({
  class: fc.constantFrom(...LINK_CLASSES),
  bytesPerSecond: fc.integer({ min: 0, max: 1_000_000 }),
  fromMinute: minute,
  untilMinute: minute,
  weekdays: fc.uniqueArray(fc.integer({ min: 1, max: 7 }), { maxLength: 3 }),
});
const rules = fc.array(rule, { maxLength: 6 });
// Two years, whose clocks change on other days of the week.
const moment = fc.integer({ min: Date.UTC(2026, 0, 1) / MINUTE, max: Date.UTC(2027, 11, 31) / MINUTE });

function inForceAt(all: readonly LinkLimitRule[], clock: ZoneClock, now: number): string {
  const { inForce } = limitsAt(all, clock, now);
  return LINK_CLASSES.map((name) => `${name} ${inForce.get(name) ?? "-"}`).join();
}

/** By the hands of the clock alone; only where they have not moved within a day. */
function byHand(all: readonly LinkLimitRule[], clock: ZoneClock, now: number): Map<string, number> {
  const wall = now + clock(now);
  const minuteNow = Math.floor((wall % DAY) / MINUTE);
  const weekday = (Math.floor(wall / DAY) + 3) % 7;
  const on = (rule: LinkLimitRule, daysBack: number): boolean =>
    rule.weekdays.length === 0 || rule.weekdays.includes(((weekday - daysBack + 7) % 7) + 1);
  const holds = (one: LinkLimitRule): boolean => {
    const { fromMinute: from, untilMinute: until } = one;
    if (from === 0 && until === 0) return on(one, 0);
    if (from < until) return minuteNow >= from && minuteNow < until && on(one, 0);
    return (minuteNow >= from && on(one, 0)) || (minuteNow < until && on(one, 1));
  };
  const found = new Map<string, number>();
  for (const [index, one] of all.entries()) if (!found.has(one.class) && holds(one)) found.set(one.class, index);
  return found;
}

test("what is in force is what a person reads from the rules and the clock on the wall", () => {
  fc.assert(
    fc.property(rules, moment, fc.constantFrom(...ZONES), (all, at, zone) => {
      const clock = CLOCKS.get(zone) ?? clockOf(zone);
      const now = at * MINUTE;
      fc.pre(new Set([-2 * DAY, 0, 2 * DAY].map((off) => clock(now + off))).size === 1);
      const expected = byHand(all, clock, now);
      const text = LINK_CLASSES.map((name) => `${name} ${expected.get(name) ?? "-"}`).join();
      expect(inForceAt(all, clock, now)).toBe(text);
    }),
    { numRuns: 400 },
  );
});

test("nothing changes before the moment that is told, and something does then, also on days when the clocks change", () => {
  const changes = [Date.UTC(2026, 2, 29), Date.UTC(2026, 9, 25), Date.UTC(2026, 2, 8), Date.UTC(2026, 10, 1)];
  const near = fc
    .tuple(fc.constantFrom(...changes), fc.integer({ min: -2 * 1_440, max: 2 * 1_440 }))
    .map(([day, minutes]) => day + minutes * MINUTE);
  fc.assert(
    fc.property(
      rules,
      near,
      fc.constantFrom(...ZONES),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (all, now, zone, part) => {
        const clock = CLOCKS.get(zone) ?? clockOf(zone);
        const { changesAt } = limitsAt(all, clock, now);
        const same = inForceAt(all, clock, now);
        const before = now + Math.floor(((changesAt ?? now + 6 * DAY) - 1 - now) * part);
        expect(inForceAt(all, clock, before)).toBe(same);
        if (changesAt === undefined) return;
        expect(changesAt).toBeGreaterThan(now);
        expect(inForceAt(all, clock, changesAt)).not.toBe(same);
      },
    ),
    { numRuns: 300 },
  );
});

test("a night from 22:00 to 06:00 is an hour shorter when clocks go forward and an hour longer when they go back", () => {
  const night: LinkLimitRule = {
    class: "layers",
    bytesPerSecond: 0,
    fromMinute: 1_320,
    untilMinute: 360,
    weekdays: [],
  };
  const paris = clockOf("Europe/Paris");
  const endOf = (text: string): string =>
    new Date(limitsAt([night], paris, Date.parse(text)).changesAt ?? 0).toISOString();
  expect(endOf("2026-03-28T21:00:00Z")).toBe("2026-03-29T04:00:00.000Z");
  expect(endOf("2026-10-24T20:00:00Z")).toBe("2026-10-25T05:00:00.000Z");
  expect(limitsAt([night], paris, Date.parse("2026-03-28T20:59:59Z")).inForce.size).toBe(0);
});
