import { expect, test } from "vitest";
import { scheduleFaults, type ScheduleOptions } from "./schedule.ts";

const options = (seed: number): ScheduleOptions => ({
  seed,
  durationMs: 1_800_000,
  hosts: [["kill-agent", "partition", "skewed-clock"], ["full-disk"]],
  longPartitions: true,
});

test("the same seed gives the same faults, another one others", () => {
  expect(scheduleFaults(options(1))).toEqual(scheduleFaults(options(1)));
  expect(scheduleFaults(options(1))).not.toEqual(scheduleFaults(options(2)));
});

test("nobody has two faults at a time, each gets what may happen to it, and all end in time", () => {
  for (let seed = 0; seed < 50; seed += 1) {
    const { durationMs, hosts } = options(seed);
    const faults = scheduleFaults(options(seed));
    const targets = Map.groupBy(faults, ({ host }) => host);
    expect(new Set(targets.keys())).toEqual(new Set([0, 1, undefined]));
    for (const [host, own] of targets) {
      for (const [index, fault] of own.entries()) {
        const next = own[index + 1];
        expect(fault.atMs + fault.lengthMs).toBeLessThan(next?.atMs ?? durationMs + 1);
        if (host !== undefined) expect(hosts[host]).toContain(fault.kind);
        else expect(fault.kind).toMatch(/^kill-(control-plane|database)$/);
      }
    }
  }
});
