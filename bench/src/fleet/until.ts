import { setTimeout as pause } from "node:timers/promises";

const POLL_MS = 100;

/** Asks again and again until it holds; seconds that it took. Fails after `patienceMs` with what was told last. */
export async function until<Value>(
  what: string,
  look: () => Promise<Value>,
  holds: (value: Value) => boolean,
  patienceMs: number,
): Promise<{ value: Value; seconds: number }> {
  const began = performance.now();
  for (;;) {
    const value = await look();
    const tookMs = performance.now() - began;
    if (holds(value)) return { value, seconds: tookMs / 1000 };
    if (tookMs > patienceMs) {
      throw new Error(`${what}: not after ${Math.round(patienceMs / 1000)} s: ${JSON.stringify(value)}`);
    }
    await pause(POLL_MS);
  }
}

/** The value that so many of a hundred do not exceed. */
export function percentile(values: readonly number[], percent: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil((sorted.length * percent) / 100) - 1)] ?? Number.NaN;
}
