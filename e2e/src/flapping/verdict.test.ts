import { expect, test } from "vitest";
import type { Footprint } from "./footprint.ts";
import { type Seen, judgeFlapping } from "./verdict.ts";

const one: Footprint = {
  privateBytes: 30e6,
  descriptors: 30,
  threads: 11,
  spoolBytes: 1e6,
  logBytes: 1e6,
  stateBytes: 1e4,
};
const well: Seen = {
  footprints: Array.from({ length: 12 }, () => one),
  told: new Map([["a", 1]]),
  spool: { waiting: 0, dropped: 0 },
  sessions: 9,
};
const from = (index: number, change: Partial<Footprint>): Seen => ({
  ...well,
  footprints: well.footprints.map((each, at) => (at < index ? each : { ...each, ...change })),
});

test("what stays as it is is well, and so is what a program takes while it warms up", () => {
  expect(judgeFlapping(well)).toEqual([]);
  expect(judgeFlapping(from(2, { privateBytes: 50e6, descriptors: 40 }))).toEqual([]);
});

test("growth, what is beyond a bound, what was lost, told twice or never, or still waits, is said", () => {
  expect(judgeFlapping(from(7, { privateBytes: 50e6 }))).toEqual([expect.stringContaining("privateBytes grew")]);
  expect(judgeFlapping(from(7, { descriptors: 40 }))).toEqual([expect.stringContaining("descriptors grew")]);
  expect(judgeFlapping(from(0, { spoolBytes: 9e6 }))).toEqual([expect.stringContaining("spoolBytes came to")]);
  expect(
    judgeFlapping({
      ...well,
      told: new Map([
        ["abc", 0],
        ["def", 2],
      ]),
    }),
  ).toEqual(["the end of abc was told 0 times", "the end of def was told 2 times"]);
  expect(judgeFlapping({ ...well, spool: { waiting: 3, dropped: 2 }, sessions: 1 })).toHaveLength(3);
});
