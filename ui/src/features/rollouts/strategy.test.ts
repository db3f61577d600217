import { describe, expect, test } from "vitest";
import { presetStrategy, sameStrategy, strategyFaults, waveKind, withKind } from "./strategy.ts";

const names = { canary: "canary", rest: "rest" };

describe("strategies", () => {
  test("the presets can be sent as they are", () => {
    for (const preset of ["all", "canary", "steps"] as const)
      expect(strategyFaults(presetStrategy(preset, names)), preset).toEqual([]);
    expect(presetStrategy("canary", names).waves?.map(waveKind)).toEqual(["hosts", "percent"]);
    expect(presetStrategy("steps", names).waves?.map(({ percent }) => percent)).toEqual([5, 25, 100]);
  });
  test("a wave is counted in one way only, and keeps what else it says", () => {
    const wave = { name: "first", hosts: 3, pauseSeconds: 60, needsApproval: true };
    expect(withKind(wave, "percent")).toEqual({ name: "first", percent: 100, pauseSeconds: 60, needsApproval: true });
    expect(waveKind(withKind(wave, "list"))).toBe("list");
    expect(waveKind(withKind(withKind(wave, "list"), "labels"))).toBe("labels");
    expect(withKind(withKind(wave, "labels"), "hosts")).not.toHaveProperty("labels");
  });
  test("what is missing is named with its wave", () => {
    const faults = strategyFaults({
      waves: [{ hosts: 0 }, { percent: 101 }, { list: { hostIds: [] } }, { labels: {} }, { hosts: 2 }],
      healthGate: {
        probes: [
          { service: "", tcp: { port: 80 } },
          { service: "web", http: { port: 0 } },
          { service: "web", exec: { command: [""] } },
          { service: "web", http: { port: 8080, path: "/healthz" } },
        ],
        metricConditions: [
          { column: "", value: 3 },
          { column: "cpu_percent", value: Number.NaN },
          { column: "cpu_percent", value: 0 },
        ],
      },
    });
    expect(faults.map(({ wave, fault }) => `${wave} ${fault}`)).toEqual([
      "1 count",
      "2 percent",
      "3 noHosts",
      "4 noLabels",
      "0 probeService",
      "0 probePort",
      "0 probeCommand",
      "0 condition",
      "0 condition",
    ]);
  });
  test("what is left out is the same as nothing", () => {
    expect(sameStrategy(undefined, { waves: [], maxParallel: 0, onFailure: "ON_FAILURE_STOP", healthGate: {} })).toBe(
      true,
    );
    expect(sameStrategy({ waves: [{ hosts: 1 }] }, { waves: [{ hosts: 1, name: "", needsApproval: false }] })).toBe(
      true,
    );
    expect(sameStrategy({ waves: [{ hosts: 1 }] }, { waves: [{ hosts: 2 }] })).toBe(false);
  });
});
