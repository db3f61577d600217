import { expect, it } from "vitest";
import { runFlapping } from "./flapping.ts";

// The short form; `npm run soak -- flapping` runs 24 hours of the agent's time.
const SEED = 20261123;
const SIMULATED_MS = 40 * 60_000;
const SPEED = 60;
// Forty seconds of flapping, and what making the fleet and coming to rest take.
const TIMEOUT_MS = 400_000;

it(
  "an agent whose link is cut, reset, stalled and half open grows by nothing and loses nothing",
  async () => {
    const result = await runFlapping({ seed: SEED, simulatedMs: SIMULATED_MS, speed: SPEED });
    console.log(JSON.stringify(result));
    expect(result.broken).toEqual([]);
    expect(result.sessions).toBeGreaterThan(3);
    expect(result.markers).toBe(20);
  },
  TIMEOUT_MS,
);
