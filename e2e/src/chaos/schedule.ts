/** What can go wrong with a host. */
export type HostFault =
  | "kill-agent"
  | "kill-engine"
  | "power-cut"
  | "partition"
  | "packet-loss"
  | "full-disk"
  | "skewed-clock";
/** What can go wrong with the server. */
export type ServerFault = "kill-control-plane" | "kill-database";

/** One thing that goes wrong, from `atMs` on for `lengthMs`; both from the begin of the run, milliseconds. */
export interface Fault {
  readonly kind: HostFault | ServerFault;
  /** Index of the host; absent for the server. */
  readonly host?: number;
  readonly atMs: number;
  readonly lengthMs: number;
  /** 0 to 1: how bad, for those that can be more or less so. */
  readonly degree: number;
}

export interface ScheduleOptions {
  readonly seed: number;
  readonly durationMs: number;
  /** What may happen to each host. */
  readonly hosts: readonly (readonly HostFault[])[];
  /** A partition may be longer than the lease, so that the host is offline for the fleet. */
  readonly longPartitions: boolean;
}

// Something new about this often; shorter, and a host would hardly ever be well.
const PERIOD_MS = 5_000;
const SHORTEST_MS = 1_500;
const LONGEST_MS = 15_000;
// Longer than a lease of 90 s, with time to be told.
const LONG_PARTITION_MS = 105_000;
// Every so often one of the partitions is such a long one.
const LONG_SHARE = 0.25;
// A host, and the server, gets this long to come back before the next thing happens to it.
const REST_MS = 6_000;
const SERVER_SHARE = 0.2;
const DATABASE_SHARE = 0.3;

/** The same seed gives the same faults. No host, and not the server, has two at a time; all have ended by `durationMs`. */
export function scheduleFaults(options: ScheduleOptions): Fault[] {
  const random = seeded(options.seed);
  const faults: Fault[] = [];
  const freeAt = new Map<number | "server", number>();
  for (let atMs = PERIOD_MS; atMs < options.durationMs; atMs += PERIOD_MS * (0.5 + random())) {
    const target = random() < SERVER_SHARE ? "server" : Math.floor(random() * options.hosts.length);
    const fault = draw(target, options, atMs, random);
    const endMs = atMs + fault.lengthMs;
    if ((freeAt.get(target) ?? 0) > atMs || endMs > options.durationMs) continue;
    freeAt.set(target, endMs + REST_MS);
    faults.push(fault);
  }
  return faults;
}

function draw(target: number | "server", options: ScheduleOptions, atMs: number, random: () => number): Fault {
  const lengthMs = Math.round(SHORTEST_MS + random() * (LONGEST_MS - SHORTEST_MS));
  const degree = random();
  const pick = random();
  if (target === "server") {
    return { kind: pick < DATABASE_SHARE ? "kill-database" : "kill-control-plane", atMs, lengthMs, degree };
  }
  const kinds = options.hosts[target] ?? [];
  const kind = kinds[Math.floor(pick * kinds.length)];
  if (kind === undefined) throw new Error(`nothing may happen to host ${target}`);
  const isLong = options.longPartitions && kind === "partition" && random() < LONG_SHARE;
  return { kind, host: target, atMs, lengthMs: isLong ? LONG_PARTITION_MS : lengthMs, degree };
}

/** 0 (included) to 1 (excluded), the same row for the same seed (mulberry32, public domain). */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
