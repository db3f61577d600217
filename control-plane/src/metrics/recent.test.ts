import { expect, test } from "vitest";
import { createRecentSamples } from "./recent.ts";

const MINUTE = 60_000;
const host = (hostId: string) => ({ hostId, containerId: "" });

test("figures count until their host has missed two batches: a metered one ships each five minutes", () => {
  const recent = createRecentSamples();
  const batch = new Uint8Array();
  const now = 100 * MINUTE;
  recent.add(host("usual"), batch, { lastAtMs: now, spanMs: 10_000 }, now);
  recent.add(host("metered"), batch, { lastAtMs: now, spanMs: 285_000 }, now);
  recent.add(host("odd"), batch, { lastAtMs: now, spanMs: 1_000 * MINUTE }, now);
  const shown = (afterMinutes: number): string[] =>
    ["usual", "metered", "odd"].filter((name) => recent.last(host(name), now + afterMinutes * MINUTE) !== undefined);
  expect(shown(2)).toEqual(["usual", "metered", "odd"]);
  expect(shown(10)).toEqual(["metered", "odd"]);
  recent.sweep(now + 11 * MINUTE);
  expect(shown(11)).toEqual(["odd"]);
  expect(shown(16)).toEqual([]);
});
