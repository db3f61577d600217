import { parseArgs } from "node:util";
import { runChaos } from "../chaos/chaos.ts";

// The length at which the product's promises have to be shown.
const MINUTES = 30;

/** `npm run soak -- chaos [--minutes N] [--seed N]` */
export async function run(args: string[]): Promise<object> {
  const { values } = parseArgs({ args, options: { minutes: { type: "string" }, seed: { type: "string" } } });
  const minutes = Number(values.minutes ?? MINUTES);
  const seed = Number(values.seed ?? Date.now() % 2 ** 31);
  if (!(minutes > 0) || !Number.isSafeInteger(seed)) throw new Error("--minutes and --seed take a number");
  console.log(`chaos for ${minutes} minutes, seed ${seed} …`);
  const started = performance.now();
  const result = await runChaos({
    seed,
    durationMs: minutes * 60_000,
    onFault: ({ kind, host, lengthMs }) => {
      const at = Math.round((performance.now() - started) / 1000);
      console.log(
        `${at} s: ${kind}${host === undefined ? "" : ` on host${host + 1}`} for ${Math.round(lengthMs / 1000)} s`,
      );
    },
  });
  for (const sentence of result.broken) console.log(`BROKEN: ${sentence}`);
  return { soak: "chaos", ...result };
}
