import { expect, test } from "vitest";
import { run } from "./agent.ts";

// Starting a control plane, an engine and the agent several times; the windows are 38 s of it.
const TIMEOUT_MS = 300_000;

interface Result {
  readonly privateMb: number;
  readonly bytesPerDayIdle: number;
  readonly bytesPerDayMetered: number;
  readonly phases: readonly {
    readonly containers: number;
    readonly together: Readonly<Record<string, { readonly privateMb: number; readonly bytesPerDay?: number }>>;
    readonly hour: { readonly cpuPercent: number; readonly privateMb: number; readonly bytesPerDay: number };
  }[];
}

test(
  "the built agent keeps within its memory and its bytes, with one container and with three",
  async () => {
    const { phases, bytesPerDayIdle, bytesPerDayMetered } = (await run(["--small"])) as Result;
    expect(phases.map(({ containers }) => containers)).toEqual([1, 3]);
    for (const { together, hour } of phases) {
      expect(Object.keys(together)).toEqual(["agent", "node_exporter", "docker compose"]);
      expect(together["node_exporter"]?.bytesPerDay).toBeGreaterThanOrEqual(0);
      // Memory after minutes, with room for a machine that collects garbage late.
      expect(hour.privateMb).toBeLessThan(35);
      expect(hour.cpuPercent).toBeLessThan(1);
    }
    expect(bytesPerDayIdle).toBeGreaterThan(500_000);
    // The goal of 5 MB is judged on a quiet machine: sixty times as fast, a busy one answers so late that no heartbeat is saved.
    expect(bytesPerDayIdle).toBeLessThan(5_700_000);
    expect(bytesPerDayMetered).toBeGreaterThan(50_000);
    expect(bytesPerDayMetered).toBeLessThan(1_000_000);
  },
  TIMEOUT_MS,
);
