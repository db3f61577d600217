import { expect, it } from "vitest";
import { runChaos } from "./chaos.ts";

// The seed of the short form; `npm run soak -- chaos` runs others, for longer.
const SEED = 20261122;
const DURATION_MS = 120_000;
// Two minutes of faults, and what making the fleet and coming to rest take.
const TIMEOUT_MS = 900_000;

it(
  "keeps every promise while hosts, engines, links, clocks, disks and the control plane fail",
  async () => {
    const result = await runChaos({ seed: SEED, durationMs: DURATION_MS });
    console.log(JSON.stringify(result));
    // As text, so that the report of a run tells which promise it was.
    expect(result.broken.join("\n")).toBe("");
    // It was a storm, and there was something to lose.
    expect(Object.values(result.faults).reduce((sum, count) => sum + count, 0)).toBeGreaterThan(10);
    expect(result.rollouts).toBeGreaterThan(5);
    expect(result.markers).toBeGreaterThan(3);
    expect(result.samples).toBeGreaterThan(30);
  },
  TIMEOUT_MS,
);
