import { expect, test } from "vitest";
import { batchBytes } from "./batches.ts";
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

test("a batch takes the place of the one before, also a shorter one; one that is older does not", () => {
  const recent = createRecentSamples();
  const batch = (names: readonly string[], value: number): Uint8Array =>
    batchBytes({ atMs: [1, 2], columns: new Map(names.map((name) => [name, [0, value]])) });
  const figures = (): unknown => Object.fromEntries(recent.last(host("a"), MINUTE) ?? []);
  const add = (bytes: Uint8Array, lastAtMs: number): void =>
    recent.add(host("a"), bytes, { lastAtMs, spanMs: 1 }, MINUTE);
  add(batch(["load_1m"], 1), 1);
  expect(figures()).toEqual({ load_1m: 1 });
  add(batch(["load_1m", "cpu_used_ratio"], 2), 2);
  expect(figures()).toEqual({ load_1m: 2, cpu_used_ratio: 2 });
  add(batch(["load_1m"], 3), 3);
  expect(figures()).toEqual({ load_1m: 3 });
  add(batch(["load_1m"], 4), 2);
  expect(figures()).toEqual({ load_1m: 3 });
});
