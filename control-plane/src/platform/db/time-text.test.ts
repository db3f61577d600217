import fc from "fast-check";
import pg from "pg";
import { expect, test } from "vitest";
import { timeInUtc } from "./time-text.ts";

const ofDriver = pg.types.getTypeParser(1184, "text") as (value: string) => Date;
const two = (number: number): string => String(number).padStart(2, "0");

test("times are read as the driver reads them, to the millisecond", () => {
  const fraction = fc.oneof(fc.constant(""), fc.stringMatching(/^\.[0-9]{0,5}[1-9]$/));
  const at = fc.date({
    min: new Date("0100-01-01T00:00:00Z"),
    max: new Date("9999-12-31T00:00:00Z"),
    noInvalidDate: true,
  });
  fc.assert(
    fc.property(at, fraction, (date, parts) => {
      const day = `${date.toISOString().slice(0, 10)} ${two(date.getUTCHours())}:${two(date.getUTCMinutes())}`;
      const text = `${day}:${two(date.getUTCSeconds())}${parts}+00`;
      const read = timeInUtc(text)?.getTime() ?? Number.NaN;
      // The driver calculates the fraction: 0.568 s are 567.999… of its milliseconds.
      expect(Math.abs(read - ofDriver(text).getTime())).toBeLessThanOrEqual(1);
      expect(read).toBe(Date.parse(`${text.slice(0, 10)}T${text.slice(11, 19)}${parts.slice(0, 4)}Z`));
    }),
  );
});

test("what is not a time of UTC with four digits of a year is left to the driver", () => {
  const others = [
    "infinity",
    "-infinity",
    "2026-11-23 10:02:03+02",
    "2026-11-23 10:02:03.5+05:30",
    "0044-03-15 10:00:00+00 BC",
  ];
  for (const text of [
    ...others,
    "0099-01-01 00:00:00+00",
    "12026-11-23 10:02:03+00",
    "",
    "2026-11-23",
    "2026-11-23 1x:02:03+00",
    "2026-11-23 10:02:03,5+00",
  ])
    expect(timeInUtc(text)).toBeUndefined();
});
