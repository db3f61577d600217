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
  let times: bigint[] = [];
  const columns = new Map<string, number[]>();
  return {
    add: (atMs, sample) => {
      for (const [name, value] of sample) {
        let values = columns.get(name);
        if (values === undefined) columns.set(name, (values = []));
        while (values.length < times.length) values.push(Number.NaN);
        values.push(value);
      }
      times.push(BigInt(atMs));
      if (times.length <= MAX_ROWS) return;
      times.shift();
      for (const values of columns.values()) values.shift();
    },
    drain: () => {
      const atMs = times;
      if (atMs.length === 0) return undefined;
      times = [];
      const drained = [...columns].map(([name, values]) => {
        while (values.length < atMs.length) values.push(Number.NaN);
        return { name, values };
      });
      columns.clear();
      drained.sort((a, b) => (a.name < b.name ? -1 : 1));
      return { containerId, atMs, columns: drained, packedColumns: new Uint8Array(0) };
    },
  };
}
