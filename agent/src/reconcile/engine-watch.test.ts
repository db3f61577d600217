import { expect, test } from "vitest";
import type { EngineEvent } from "./engine.ts";
import { createEventSieve } from "./engine-watch.ts";

const NOW = 1_800_000_000_000;
const event = (at: number, id = "c1", action = "die"): EngineEvent => ({
  at,
  id,
  action,
  type: "container",
  name: "web",
  attributes: {},
});

test("an event that the engine tells again is let through once, others of the same moment too", () => {
  const sieve = createEventSieve();
  expect(sieve.isNew(event(NOW))).toBe(true);
  expect(sieve.isNew(event(NOW))).toBe(false);
  expect(sieve.isNew(event(NOW, "c2"))).toBe(true);
  expect(sieve.isNew(event(NOW, "c1", "destroy"))).toBe(true);
});

test("what happened since the last event is asked for, within ten minutes, and not from a future", () => {
  const sieve = createEventSieve();
  expect(sieve.since(NOW)).toBeUndefined();
  sieve.isNew(event(NOW - 60_000));
  expect(sieve.since(NOW)).toBe(NOW - 61_000);
  expect(sieve.since(NOW + 3_600_000)).toBe(NOW + 3_600_000 - 600_000);
  sieve.isNew(event(NOW + 3_600_000));
  expect(sieve.since(NOW)).toBe(NOW - 1_000);
});

test("it keeps no more than the engine could tell again", () => {
  const sieve = createEventSieve();
  for (let i = 0; i < 2_000; i++) sieve.isNew(event(NOW + i));
  expect(sieve.isNew(event(NOW + 1_999))).toBe(false);
  // Forgotten: an engine that knows 256 does not tell it again.
  expect(sieve.isNew(event(NOW))).toBe(true);
});
