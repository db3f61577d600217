import fc from "fast-check";
import { expect, test } from "vitest";
import type { WindowRule } from "./model.ts";
import { openingsOfRule, windowStates } from "./plan.ts";

const RUNS = 400;
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 86_400_000;
const ZONES = [
  "UTC",
  "Europe/Paris",
  "America/New_York",
  "America/St_Johns",
  "America/Santiago",
  "America/Asuncion",
  "Africa/Casablanca",
  "Africa/Cairo",
  "Asia/Kathmandu",
  "Asia/Tehran",
  "Asia/Gaza",
  "Australia/Lord_Howe",
  "Pacific/Chatham",
  "Pacific/Apia",
  "Pacific/Kiritimati",
  "Antarctica/Troll",
];

const madeRule = fc
  .record({
    timeZone: fc.constantFrom(...ZONES),
    weekdays: fc.uniqueArray(fc.integer({ min: 1, max: 7 }), { maxLength: 3 }),
    // Most clocks move between midnight and four.
    hour: fc.oneof(fc.integer({ min: 0, max: 4 }), fc.integer({ min: 0, max: 23 })),
    minute: fc.constantFrom(0, 15, 30, 59),
    durationMinutes: fc.oneof(fc.integer({ min: 1, max: 300 }), fc.integer({ min: 1, max: 10_080 })),
    disabled: fc.constantFrom(false, false, false, true),
  })
  .map(({ hour, minute, ...rest }): WindowRule => {
    const two = (value: number): string => String(value).padStart(2, "0");
    return { ...rest, name: "w", expressions: [], opensAt: `${two(hour)}:${two(minute)}` };
  });
// Weekends of change are common among these: the whole of two decades, to the minute.
const madeNow = fc
  .integer({ min: Date.UTC(2008, 0, 1) / MINUTE, max: Date.UTC(2028, 0, 1) / MINUTE })
  .map((minute) => minute * MINUTE);

// Another way to the same clocks: what they show, read from its parts.
const formats = new Map<string, Intl.DateTimeFormat>();
function shown(timeZone: string, at: number): number {
  const format =
    formats.get(timeZone) ??
    new Intl.DateTimeFormat("en-GB", { timeZone, dateStyle: "short", timeStyle: "medium", hourCycle: "h23" });
  formats.set(timeZone, format);
  const part = Object.fromEntries(format.formatToParts(at).map(({ type, value }) => [type, Number(value)]));
  const { year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0 } = part;
  return Date.UTC(year, month - 1, day, hour, minute, second);
}

test("each day of the rule opens once, at the first moment whose clocks show its time or a later one", () => {
  fc.assert(
    fc.property(madeRule, madeNow, (rule, now) => {
      const [hours = 0, minutes = 0] = rule.opensAt.split(":").map(Number);
      const openings = openingsOfRule(rule, now);
      for (const { from, to } of openings.filter((one) => Math.abs(one.from - now) < DAY)) {
        expect(to - from).toBe(rule.durationMinutes * MINUTE);
        // The latest wanted time that the clocks have reached; a skipped one lies up to a day back.
        const reached = shown(rule.timeZone, from);
        const wanted = Math.floor(reached / DAY) * DAY + (hours * 60 + minutes) * MINUTE;
        const target = wanted <= reached ? wanted : wanted - DAY;
        for (let back = 1000; back < DAY; back += back < 4 * HOUR ? 15 * MINUTE : HOUR)
          expect(shown(rule.timeZone, from - back)).toBeLessThan(target);
      }
      expect(new Set(openings.map(({ from }) => from)).size).toBeGreaterThanOrEqual(openings.length - 1);
      if (rule.weekdays.length > 0) return;
      const inStretch = openings.filter(({ from }) => from >= now - 2 * DAY && from < now + 2 * DAY);
      expect(inStretch.length).toBeGreaterThanOrEqual(3);
      expect(inStretch.length).toBeLessThanOrEqual(5);
    }),
    { numRuns: RUNS },
  );
});

test("open is within an opening of any rule, and the time that is told is when that changes", () => {
  fc.assert(
    fc.property(fc.array(madeRule, { minLength: 1, maxLength: 4 }), madeNow, (rules, now) => {
      const isOpen = (at: number): boolean => {
        const enabled = rules.filter((rule) => !rule.disabled);
        if (enabled.length === 0) return true;
        return enabled.some((rule) => openingsOfRule(rule, at).some(({ from, to }) => from <= at && at < to));
      };
      const states = windowStates(rules, [{ hostId: "h", labels: {} }], now);
      const { open, opensAt, closesAt } = { opensAt: undefined, closesAt: undefined, ...states.get("h") };
      expect(open).toBe(isOpen(now));
      const change = opensAt ?? closesAt;
      if (change === undefined) {
        // A rule of one day a week opens within the horizon; so only what is always open tells no time.
        expect(open).toBe(true);
        return;
      }
      expect(opensAt === undefined).toBe(open);
      expect(change).toBeGreaterThan(now);
      expect(isOpen(change)).toBe(!open);
      for (const share of [0, 0.1, 0.5, 0.9, 1])
        expect(isOpen(now + Math.floor((change - 1 - now) * share))).toBe(open);
    }),
    { numRuns: RUNS },
  );
});
