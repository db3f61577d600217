import { unpackSamples } from "@windflow/core";
import { SampleBatch } from "@windflow/proto/agent";
import { encoderOf } from "../platform/index.ts";
import { stepsOf, type Samples, type SubjectKind } from "./model.ts";

// A host is not trusted to be modest: no real batch comes near these.
const MOST_SAMPLES = 2000;
const MOST_COLUMNS = 500;
const MOST_PACKED_BYTES = 256 * 1024;
const MOST_NAME_CHARACTERS = 200;

/** When its samples were taken, rising; undefined for a batch of which nothing can be kept. */
export function timesOf(batch: SampleBatch): number[] | undefined {
  const atMs = batch.atMs.slice(0, MOST_SAMPLES).map(Number);
  const isRising = atMs.every((time, i) => Number.isSafeInteger(time) && (i === 0 || time > (atMs[i - 1] ?? 0)));
  return atMs.length > 0 && isRising ? atMs : undefined;
}

/** Whether there may be figures in it, without looking at them; not in one that is larger than any real one. */
export function hasColumns({ columns, packedColumns }: SampleBatch): boolean {
  return columns.length > 0 || (packedColumns.length > 0 && packedColumns.length <= MOST_PACKED_BYTES);
}

/** What of a batch can be kept; undefined where that is nothing. */
function samplesOf(kind: SubjectKind, batch: SampleBatch): Samples | undefined {
  const atMs = timesOf(batch);
  if (atMs === undefined) return undefined;
  const columns = new Map<string, readonly number[]>();
  for (const [i, { name, values }] of unpackSamples(batch).entries()) {
    if (i >= MOST_COLUMNS) break;
    if (name.length > MOST_NAME_CHARACTERS || stepsOf(kind, name) === undefined) continue;
    columns.set(name, values.length === atMs.length ? values : atMs.map((_, at) => values[at] ?? Number.NaN));
  }
  return { atMs, columns };
}

const encodeBatch = encoderOf(SampleBatch);

/** A batch for the table of intake: as it came, its samples `shiftMs` earlier, and without the name of its container. */
export function storedBatch(batch: SampleBatch, shiftMs: number): Uint8Array {
  const atMs = shiftMs === 0 ? batch.atMs : batch.atMs.map((at) => at - BigInt(shiftMs));
  return encodeBatch({ ...batch, containerId: "", atMs });
}

/** Samples as a batch for the table of intake. */
export function batchBytes({ atMs, columns }: Samples): Uint8Array {
  const named = [...columns].map(([name, values]) => ({ name, values: [...values] }));
  const batch = { containerId: "", atMs: atMs.map(BigInt), columns: named, packedColumns: new Uint8Array(0) };
  return encodeBatch(batch);
}

/** Throws where the bytes are no batch. */
export function samplesOfStored(kind: SubjectKind, bytes: Uint8Array): Samples | undefined {
  return samplesOf(kind, SampleBatch.decode(bytes));
}
