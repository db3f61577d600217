import { startTestMetrics } from "@windflow/control-plane/testing";
import { CONTAINER_COLUMNS, packSamples } from "@windflow/core";
import type { SpoolEntry } from "@windflow/proto/agent";
import { processorSeconds } from "./processor.ts";
import { randomFrom } from "./series.ts";

const START = Date.parse("2026-11-20T00:00:00Z");
const SAMPLE_MS = 5000;
// Shipped each 30 s.
const SAMPLES = 6;
const BATCH_MS = SAMPLES * SAMPLE_MS;
const HALF_MS = 30 * 60_000;
const DAY_MS = 24 * 60 * 60_000;
// What is rolled up of half an hour is sure to be there after this.
const SETTLED_MS = 20 * 60_000;
const PER_HOST = 50;
const MIB = 2 ** 20;

/** What containers need, fifty on each host: for each container, of a day. */
export interface ContainerCosts {
  readonly containers: number;
  readonly figuresPerProcessorSecond: number;
  readonly rollUpProcessorMsPerBucket: number;
  readonly bytesPerFigure: number;
  readonly bytesPerDay: {
    readonly raw: number;
    readonly buckets: number;
    readonly halves: number;
    readonly columns: number;
  };
}

/** Half an hour of the containers of some hosts on a database of their own; the processor is that of everything but `without`. */
export async function measureContainers(hosts: number, without: readonly number[]): Promise<ContainerCosts> {
  const metrics = await startTestMetrics(START);
  const used = (): number => processorSeconds(process.pid, without);
  try {
    const fleet: { id: string; series: ReturnType<typeof containerSeries>[] }[] = [];
    for (let i = 0; i < hosts; i++) {
      const series = Array.from({ length: PER_HOST }, (_, n) =>
        containerSeries(`${i}-${n}`.padStart(64, "c"), i * PER_HOST + n),
      );
      fleet.push({ id: await metrics.fleet.addHost(`containers-${i}`), series });
    }
    const [empty, containers] = [await metrics.bytes(), hosts * PER_HOST];
    let [intake, rollUp, sequence] = [0, 0, 0n];
    for (let at = START; at < START + HALF_MS; at += BATCH_MS) {
      const groups = fleet.map(({ id, series }) => ({ id, entries: series.map((next) => next(at, ++sequence)) }));
      metrics.clock.advance(BATCH_MS);
      const before = used();
      await Promise.all(groups.map(({ id, entries }) => metrics.take(id, entries)));
      intake += used() - before;
    }
    metrics.clock.advance(SETTLED_MS);
    const before = used();
    await metrics.rollUp();
    rollUp = used() - before;
    const bytes = await metrics.bytes();
    const figures = (containers * CONTAINER_NAMES.length * HALF_MS) / SAMPLE_MS;
    const perDay = (table: keyof typeof bytes): number =>
      Math.round(((bytes[table] - empty[table]) / containers) * (DAY_MS / HALF_MS));
    return {
      containers,
      figuresPerProcessorSecond: Math.round(figures / intake),
      rollUpProcessorMsPerBucket: Number(((1000 * rollUp) / (containers * 6)).toFixed(2)),
      bytesPerFigure: Number(((bytes.raw - empty.raw) / figures).toFixed(2)),
      bytesPerDay: {
        raw: perDay("raw"),
        buckets: perDay("buckets"),
        halves: perDay("halves"),
        columns: perDay("columns"),
      },
    };
  } finally {
    await metrics.stop();
  }
}

const CONTAINER_NAMES = Object.keys(CONTAINER_COLUMNS).filter((name) => name !== "memory_limit_bytes");

/** A container that does something all the time: shares wander, memory in pages, rates jump. */
function containerSeries(containerId: string, seed: number): (fromMs: number, sequence: bigint) => SpoolEntry {
  const random = randomFrom(seed + 1);
  let level = random();
  const next = (name: string): number => {
    level = Math.min(1, Math.max(0, level + (random() - 0.5) / 20));
    if (name === "cpu_used_cores") return Math.round(level * 4096) / 4096;
    if (name === "memory_used_bytes") return Math.round((level * 512 * MIB) / 4096) * 4096;
    if (name === "processes") return 12;
    return Math.round(level * MIB * random());
  };
  return (fromMs, sequence) => {
    const atMs = Array.from({ length: SAMPLES }, (_, i) => BigInt(fromMs + i * SAMPLE_MS));
    const columns = CONTAINER_NAMES.map((name) => ({ name, values: atMs.map(() => next(name)) }));
    const value = packSamples({ containerId, atMs, columns, packedColumns: new Uint8Array(0) });
    return { sequence, at: undefined, kind: { $case: "samples", value } };
  };
}
