import { parseArgs } from "node:util";
import { runFlapping } from "../flapping/flapping.ts";

// A day of the agent's time in half an hour.
const SIMULATED_HOURS = 24;
const MINUTES = 30;

/** `npm run soak -- flapping [--minutes N] [--hours N] [--seed N]`: N simulated hours (24) of a flapping link in N minutes (30). */
export async function run(args: string[]): Promise<object> {
  const { values } = parseArgs({
    args,
    options: { minutes: { type: "string" }, hours: { type: "string" }, seed: { type: "string" } },
  });
  const minutes = Number(values.minutes ?? MINUTES);
  const hours = Number(values.hours ?? SIMULATED_HOURS);
  const seed = Number(values.seed ?? Date.now() % 2 ** 31);
  if (!(minutes > 0) || !(hours > 0) || !Number.isSafeInteger(seed))
    throw new Error("--minutes, --hours and --seed take a number");
  const speed = Math.max(1, (hours * 60) / minutes);
  console.log(
    `a flapping link for ${hours} hours of the agent's time, ${speed.toFixed(1)} times as fast, seed ${seed} …`,
  );
  const result = await runFlapping({
    seed,
    simulatedMs: hours * 3_600_000,
    speed,
    onPhase: ({ atMs, mode }) => console.log(`${(atMs / 3_600_000).toFixed(2)} h: ${mode}`),
  });
  for (const sentence of result.broken) console.log(`BROKEN: ${sentence}`);
  return { soak: "flapping", speed, minutes, ...result };
}
