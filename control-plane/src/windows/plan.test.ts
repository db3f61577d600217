import { isTimeZone } from "@windflow/core";
import { expect, test } from "vitest";
import type { WindowRule } from "./model.ts";
import { openingsOfRule, windowStates } from "./plan.ts";

const rule = (over: Partial<WindowRule> = {}): WindowRule => ({
  name: "nights",
  expressions: [],
  timeZone: "Europe/Paris",
  weekdays: [],
  opensAt: "22:00",
  durationMinutes: 120,
  disabled: false,
  ...over,
});
const at = (text: string): number => Date.parse(text);
const text = (ms: number): string => new Date(ms).toISOString().replace(":00.000Z", "Z");

/** As a sentence: what holds for a host without labels. */
function now(moment: string, ...rules: WindowRule[]): string {
  const state = windowStates(rules, [{ hostId: "h", labels: {} }], at(moment)).get("h");
  const { open, opensAt, closesAt } = { opensAt: undefined, closesAt: undefined, ...state };
  const when = open ? closesAt : opensAt;
  return `${open === true ? "open" : "closed"}${when === undefined ? "" : ` until ${text(when)}`}`;
}
const openings = (one: WindowRule, from: string, to: string): string[] =>
  openingsOfRule(one, at(from))
    .filter((opening) => opening.from >= at(from) && opening.from < at(to))
    .map((opening) => `${text(opening.from)} to ${text(opening.to)}`);

test("a window opens by the clocks of its zone and stays open for its minutes, across midnight too", () => {
  expect(now("2026-01-10T20:59Z", rule())).toBe("closed until 2026-01-10T21:00Z");
  expect(now("2026-01-10T21:00Z", rule())).toBe("open until 2026-01-10T23:00Z");
  expect(now("2026-01-10T22:59Z", rule({ durationMinutes: 240 }))).toBe("open until 2026-01-11T01:00Z");
  expect(now("2026-01-11T00:30Z", rule({ durationMinutes: 240 }))).toBe("open until 2026-01-11T01:00Z");
  expect(now("2026-07-10T20:00Z", rule())).toBe("open until 2026-07-10T22:00Z");
});

test("weekdays are those of the day on which it opens, in its zone", () => {
  // 2026-01-10 is a Saturday; in Auckland it is Sunday already.
  const saturday = rule({ weekdays: [6], durationMinutes: 600 });
  expect(now("2026-01-09T23:00Z", saturday)).toBe("closed until 2026-01-10T21:00Z");
  expect(now("2026-01-11T05:00Z", saturday)).toBe("open until 2026-01-11T07:00Z");
  expect(now("2026-01-11T08:00Z", saturday)).toBe("closed until 2026-01-17T21:00Z");
  const sunday = rule({ weekdays: [7], timeZone: "Pacific/Auckland", opensAt: "01:00", durationMinutes: 60 });
  expect(now("2026-01-10T11:00Z", sunday)).toBe("closed until 2026-01-10T12:00Z");
});

test("a time that the clocks skip opens when they have moved; one that comes twice opens once", () => {
  // Paris: 02:00 → 03:00 at 01:00Z on 29 March 2026, 03:00 → 02:00 at 01:00Z on 25 October 2026.
  const half = rule({ opensAt: "02:30", durationMinutes: 60 });
  expect(openings(half, "2026-03-28T00:00Z", "2026-03-31T00:00Z")).toEqual([
    "2026-03-28T01:30Z to 2026-03-28T02:30Z",
    "2026-03-29T01:00Z to 2026-03-29T02:00Z",
    "2026-03-30T00:30Z to 2026-03-30T01:30Z",
  ]);
  expect(openings(half, "2026-10-24T00:00Z", "2026-10-27T00:00Z")).toEqual([
    "2026-10-24T00:30Z to 2026-10-24T01:30Z",
    "2026-10-25T00:30Z to 2026-10-25T01:30Z",
    "2026-10-26T01:30Z to 2026-10-26T02:30Z",
  ]);
  // Half an hour on Lord Howe; a whole day that Samoa left out.
  expect(
    openings(rule({ timeZone: "Australia/Lord_Howe", opensAt: "02:15" }), "2026-10-03T00:00Z", "2026-10-04T00:00Z"),
  ).toEqual(["2026-10-03T15:30Z to 2026-10-03T17:30Z"]);
  expect(
    openings(rule({ timeZone: "Pacific/Apia", opensAt: "12:00" }), "2011-12-29T00:00Z", "2011-12-31T12:00Z"),
  ).toEqual([
    "2011-12-29T22:00Z to 2011-12-30T00:00Z",
    "2011-12-30T10:00Z to 2011-12-30T12:00Z",
    "2011-12-30T22:00Z to 2011-12-31T00:00Z",
  ]);
});

test("windows that overlap or touch are one; a host of several may be changed while any is open", () => {
  const early = rule({ timeZone: "UTC", opensAt: "20:00" });
  const late = rule({ timeZone: "UTC", opensAt: "21:30" });
  const touching = rule({ timeZone: "UTC", opensAt: "23:30", durationMinutes: 30 });
  expect(now("2026-01-10T20:30Z", early, late, touching)).toBe("open until 2026-01-11T00:00Z");
  expect(now("2026-01-10T19:00Z", late, early)).toBe("closed until 2026-01-10T20:00Z");
  const always = rule({ timeZone: "UTC", opensAt: "00:00", durationMinutes: 1440 });
  expect(now("2026-01-10T19:00Z", always)).toBe("open");
});

test("a host that no window is about is open; a disabled window is about nobody; labels say whose it is", () => {
  expect(now("2026-01-10T12:00Z")).toBe("open");
  expect(now("2026-01-10T12:00Z", rule({ disabled: true }))).toBe("open");
  const paris = rule({ expressions: [{ key: "site", operator: "equals", values: ["paris"] }] });
  const hosts = [
    { hostId: "a", labels: { site: "paris" } },
    { hostId: "b", labels: { site: "lyon" } },
  ];
  expect(Object.fromEntries(windowStates([paris], hosts, at("2026-01-10T12:00Z")))).toEqual({
    a: { open: false, opensAt: at("2026-01-10T21:00Z") },
    b: { open: true },
  });
  const notParis = rule({ expressions: [{ key: "site", operator: "not-in", values: ["paris"] }] });
  expect(windowStates([notParis], hosts, at("2026-01-10T12:00Z")).get("b")?.open).toBe(false);
});

test("time zones are names whose clocks are known", () => {
  expect(["Europe/Paris", "UTC", "America/St_Johns"].map(isTimeZone)).toEqual([true, true, true]);
  expect(["Europe/Nowhere", "", "+02:00", "22:00", "GMT+2 or so"].map(isTimeZone)).toEqual([
    false,
    false,
    false,
    false,
    false,
  ]);
});
