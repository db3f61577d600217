/** A batch of a host as agents send it, but for the packing: values of each column at the same times. */
export interface HostBatch {
  readonly atMs: readonly number[];
  readonly columns: readonly { readonly name: string; readonly values: number[] }[];
}

const devices = (count: number, names: readonly string[], prefix: string): string[] =>
  Array.from({ length: count }, (_, i) => names.map((name) => `${name}:${prefix}${i}`)).flat();

/** 90 figures: a large host with ten disks and twenty-one interfaces. */
export const COLUMNS: readonly string[] = [
  "cpu_used_ratio",
  "cpu_iowait_ratio",
  "cpu_steal_ratio",
  "load_1m",
  "memory_used_bytes",
  "memory_total_bytes",
  "swap_used_bytes",
  "uptime_seconds",
  ...devices(10, ["disk_used_bytes", "disk_total_bytes"], "/data"),
  ...devices(10, ["disk_read_bytes_per_second", "disk_write_bytes_per_second"], "sd"),
  ...devices(21, ["network_receive_bytes_per_second", "network_transmit_bytes_per_second"], "eth"),
];

/** A generator of numbers that gives the same ones each time; the constants are of Numerical Recipes. */
export function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => (state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0) / 2 ** 32;
}

const GIB = 2 ** 30;
const MIB = 2 ** 20;

/** Figures of one host that go on from batch to batch: shares wander, sizes grow, rates jump, totals stay. */
export function createSeries(seed: number): (fromMs: number, samples: number, stepMs: number) => HostBatch {
  const random = randomFrom(seed);
  const levels = new Map(COLUMNS.map((name) => [name, random()]));
  const next = (name: string, atMs: number): number => {
    if (name.includes("_total_bytes")) return 64 * GIB;
    if (name === "uptime_seconds") return Math.round(atMs / 1000);
    const before = levels.get(name) ?? 0;
    const level = Math.min(1, Math.max(0, before + (random() - 0.5) / 20));
    levels.set(name, level);
    // Agents round to 1/4096.
    if (name.endsWith("_ratio")) return Math.round(level * 4096) / 4096;
    if (name === "load_1m") return Math.round(level * 8 * 4096) / 4096;
    if (name.includes("_per_second")) return Math.round(level * MIB * random());
    return Math.round((level * 32 * GIB) / 4096) * 4096;
  };
  return (fromMs, samples, stepMs) => {
    const atMs = Array.from({ length: samples }, (_, i) => fromMs + i * stepMs);
    return { atMs, columns: COLUMNS.map((name) => ({ name, values: atMs.map((at) => next(name, at)) })) };
  };
}
