import type { SampleBatch } from "@windflow/proto/agent";

/** Rows beyond this are dropped, oldest first: an hour at the normal pace, in case nobody drains. */
const MAX_ROWS = 720;

export type Sample = ReadonlyMap<string, number>;

/** Samples of one subject, kept as columns until they are shipped. */
export interface ColumnBuffer {
  add(atMs: number, sample: Sample): void;
  /** undefined when nothing was added since the last drain. */
  drain(): SampleBatch | undefined;
}

/** @param containerId empty for the host. */
export function createColumnBuffer(containerId: string): ColumnBuffer {
  let rows: { atMs: number; sample: Sample }[] = [];
  return {
    add: (atMs, sample) => {
      rows.push({ atMs, sample });
      if (rows.length > MAX_ROWS) rows.shift();
    },
    drain: () => {
      if (rows.length === 0) return undefined;
      const taken = rows;
      rows = [];
      const names = new Set(taken.flatMap((row) => [...row.sample.keys()]));
      const columns = [...names].toSorted().map((name) => ({
        name,
        values: taken.map((row) => row.sample.get(name) ?? Number.NaN),
      }));
      return { containerId, atMs: taken.map((row) => BigInt(row.atMs)), columns, packedColumns: new Uint8Array(0) };
    },
  };
}
