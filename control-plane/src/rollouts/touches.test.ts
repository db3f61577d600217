import { expect, test } from "vitest";
import { createEventBus } from "../platform/events/bus.ts";
import { createLog, systemClock, type Clock } from "../platform/index.ts";
import { rolloutTouched } from "./events.ts";
import { listenForTouches } from "./touches.ts";

const bus = createEventBus({ replicaId: "rep_1", log: createLog({ level: "silent" }) });
const touch = (): void => {
  bus.deliver({ name: rolloutTouched.name, payload: { organizationId: "org_1", rolloutId: "rol_1" } });
};

test("a watch of many hosts rests four times as long as a reading takes, within bounds; what is touched meanwhile is one reading", async () => {
  const rests: number[] = [];
  const clock: Clock = {
    ...systemClock,
    sleep: (ms) => {
      rests.push(ms);
      touch();
      return Promise.resolve();
    },
  };
  const over = new AbortController();
  const touches = listenForTouches({ bus, clock }, "rol_1", over.signal);
  for (const [hosts, tookMs] of [
    [1000, 5],
    [1000, 400],
    [10_000, 4000],
  ] as const) {
    touch();
    expect(await touches.next(hosts, tookMs)).toBe(true);
  }
  expect(rests).toEqual([500, 1600, 3000]);
  // Few hosts are told at once.
  const told = touches.next(3, 400);
  touch();
  expect(await told).toBe(true);
  expect(rests).toHaveLength(3);
  const last = touches.next(3, 5);
  over.abort();
  expect(await last).toBe(false);
  touches.stop();
});
