import { CONTAINER_COLUMNS, HOST_COLUMNS, packSamples, type SampleColumnMeaning } from "@windflow/core";
import type { SampleBatch } from "@windflow/proto/agent";

/** Batches of figures as agents ship them: samples each 5 s, packed. */
export interface FigureSource {
  /** A host's figures up to now. */
  host(nowMs: number): SampleBatch;
  container(containerId: string, nowMs: number): SampleBatch;
}

const SAMPLE_MS = 5_000;
// Packing costs the sender more than all the rest; a few different batches are made once and sent again and again.
const VARIANTS = 16;
const DEVICES: Readonly<Record<string, readonly string[]>> = {
  mount: ["/", "/var/lib/docker"],
  disk: ["sda"],
  interface: ["eth0", "docker0"],
};
const GIB = 2 ** 30;

export function createFigureSource(samples: { host: number; container: number }): FigureSource {
  const packed = (columns: readonly string[], count: number): Uint8Array[] =>
    Array.from({ length: VARIANTS }, () => {
      const values = (): number[] => Array.from({ length: count }, () => Math.round(Math.random() * GIB));
      const batch = { containerId: "", atMs: [], packedColumns: new Uint8Array() };
      return packSamples({ ...batch, columns: columns.map((name) => ({ name, values: values() })) }).packedColumns;
    });
  const hostVariants = packed(columnsOf(HOST_COLUMNS), samples.host);
  const containerVariants = packed(columnsOf(CONTAINER_COLUMNS), samples.container);
  const batch = (containerId: string, variants: Uint8Array[], nowMs: number, count: number): SampleBatch => ({
    containerId,
    atMs: Array.from({ length: count }, (_, i) => BigInt(nowMs - (count - 1 - i) * SAMPLE_MS)),
    columns: [],
    packedColumns: variants[Math.floor(Math.random() * VARIANTS)] ?? new Uint8Array(),
  });
  return {
    host: (nowMs) => batch("", hostVariants, nowMs, samples.host),
    container: (containerId, nowMs) => batch(containerId, containerVariants, nowMs, samples.container),
  };
}

function columnsOf(columns: Readonly<Record<string, SampleColumnMeaning>>): string[] {
  return Object.entries(columns).flatMap(([name, { perDevice }]) =>
    perDevice === undefined ? [name] : (DEVICES[perDevice] ?? []).map((device) => `${name}:${device}`),
  );
}
