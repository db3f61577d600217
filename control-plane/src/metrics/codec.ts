import { constants, zstdCompressSync, zstdDecompressSync } from "node:zlib";
import { stepsOf, type Samples, type SubjectKind } from "./model.ts";
import { Reader, Writer } from "./varint.ts";

/**
 * A chunk: format byte, then, compressed with zstd unless it is small and that saves little: number of samples; per column its
 * values; times. All numbers are variable-length integers of the difference to the one before, times of the difference of differences. Names are not in it: chunks of
 * a subject have the same ones, they stand once in a layout.
 * Figures are whole steps of their unit (see model.ts), which is why small differences are small numbers.
 */
export interface Encoded {
  readonly names: readonly string[];
  readonly bytes: Uint8Array;
}

const COMPRESSED = 1;
const PLAIN = 2;
// What is finer saves no bytes of such numbers, and takes twice the time.
const FAST = { params: { [constants.ZSTD_c_compressionLevel]: 1 } };
// Opening the compression costs more than reading the numbers of a small chunk: below this saving it is not worth it.
const WORTH_COMPRESSING = 0.875;
const SMALL_BYTES = 4096;
// Twice the difference of two of these is still exact in a double.
const MOST_STEPS = 2 ** 51;
// Longer than any chunk that is written here; a damaged one must not fill the memory.
const MOST_BYTES = 16 * 1024 * 1024;

/** Encodes the columns that this version knows; the others are left out. */
export function encodeChunk(kind: SubjectKind, samples: Samples): Encoded {
  const names = [...samples.columns.keys()].filter((name) => stepsOf(kind, name) !== undefined).toSorted();
  const writer = new Writer();
  writer.unsigned(samples.atMs.length);
  for (const name of names) writeColumn(writer, samples.columns.get(name) ?? [], stepsOf(kind, name) ?? 1);
  writeTimes(writer, samples.atMs);
  return { names, bytes: pack(writer.bytes()) };
}

/** Compresses numbers, unless that saves little. */
export function pack(plain: Buffer): Buffer {
  const compressed = zstdCompressSync(plain, FAST);
  const isWorthIt = compressed.length < plain.length * (plain.length < SMALL_BYTES ? WORTH_COMPRESSING : 1);
  return Buffer.concat(isWorthIt ? [Buffer.of(COMPRESSED), compressed] : [Buffer.of(PLAIN), plain]);
}

/** @param wanted the columns that are decoded; all unless told. The others are passed over, which is cheaper. */
export function decodeChunk(
  kind: SubjectKind,
  { names, bytes }: Encoded,
  wanted: (name: string) => boolean = () => true,
): Samples {
  const reader = new Reader(unpack(bytes));
  const count = reader.unsigned();
  const columns = names.flatMap((name) => {
    if (wanted(name)) return [[name, readColumn(reader, count, stepsOf(kind, name) ?? 1)] as const];
    skipColumn(reader, count);
    return [];
  });
  return { atMs: readTimes(reader, count), columns: new Map(columns) };
}

/** The numbers that were packed; throws for a format that this version does not know. */
export function unpack(bytes: Uint8Array): Uint8Array {
  if (bytes[0] === PLAIN) return bytes.subarray(1);
  if (bytes[0] === COMPRESSED) return zstdDecompressSync(bytes.subarray(1), { maxOutputLength: MOST_BYTES });
  throw new Error("a chunk of samples has a format that this version does not know");
}

function writeColumn(writer: Writer, values: readonly number[], steps: number): void {
  let known = 0;
  for (const value of values) if (Number.isFinite(value)) known++;
  writer.unsigned(known);
  if (known < values.length) for (const value of values) writer.unsigned(Number.isFinite(value) ? 1 : 0);
  let before = 0;
  for (const value of values) {
    if (!Number.isFinite(value)) continue;
    const stepped = steppedValue(value, steps);
    writer.signed(stepped - before);
    before = stepped;
  }
}

/** In whole steps; what no machine has is cut. */
export function steppedValue(value: number, steps: number): number {
  return Math.max(-MOST_STEPS, Math.min(MOST_STEPS, Math.round(value * steps)));
}

function readColumn(reader: Reader, count: number, steps: number): number[] {
  const known = reader.unsigned();
  const values = Array.from({ length: count }, () => 0);
  if (known < count) for (let i = 0; i < count; i++) values[i] = reader.unsigned() === 1 ? 0 : Number.NaN;
  let before = 0;
  for (let i = 0; i < count; i++) {
    if (known < count && Number.isNaN(values[i])) continue;
    before += reader.signed();
    values[i] = before / steps;
  }
  return values;
}

function skipColumn(reader: Reader, count: number): void {
  const known = reader.unsigned();
  reader.skip(known === count ? known : count + known);
}

function writeTimes(writer: Writer, atMs: readonly number[]): void {
  let before = 0;
  let step = 0;
  for (const at of atMs) {
    writer.signed(at - before - step);
    step = at - before;
    before = at;
  }
}

function readTimes(reader: Reader, count: number): number[] {
  let before = 0;
  let step = 0;
  return Array.from({ length: count }, () => {
    step += reader.signed();
    before += step;
    return before;
  });
}
