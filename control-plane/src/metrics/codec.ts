import { constants, zstdCompressSync, zstdDecompressSync } from "node:zlib";
import { BitWriter } from "./bits.ts";
import { columnReader, oldColumnReader, writeColumn } from "./codec-column.ts";
import { stepsOf, type Samples, type SubjectKind } from "./model.ts";
import { Reader, Writer } from "./varint.ts";

/**
 * A chunk: format byte; the length of what follows; numbers, compressed with zstd unless they are few and that saves little; bits.
 * The numbers are variable-length integers: how many samples; per column what codec-column.ts writes; times, as the difference of
 * differences. Names are not in it: chunks of a subject have the same ones, they stand once in a layout.
 */
export interface Encoded {
  readonly names: readonly string[];
  readonly bytes: Uint8Array;
}

const COMPRESSED = 1;
const PLAIN = 2;
const WITH_BITS = 3;
// What is finer saves no bytes of such numbers, and takes twice the time.
const FAST = { params: { [constants.ZSTD_c_compressionLevel]: 1 } };
// Opening what is compressed takes longer than reading all numbers of a small chunk: it has to save much of them.
const WORTH_COMPRESSING = 0.6;
const SMALL_BYTES = 4096;
// Longer than any chunk that is written here; a damaged one must not fill the memory.
const MOST_BYTES = 16 * 1024 * 1024;

// For one chunk at a time: writing one is never interrupted.
const numbers = new Writer();
const bits = new BitWriter();
const head = new Writer();

/** Encodes the columns that this version knows; the others are left out. */
export function encodeChunk(kind: SubjectKind, samples: Samples): Encoded {
  const names = [...samples.columns.keys()].filter((name) => stepsOf(kind, name) !== undefined).toSorted();
  for (const part of [numbers, bits, head]) part.clear();
  numbers.unsigned(samples.atMs.length);
  for (const name of names) writeColumn(numbers, bits, samples.columns.get(name) ?? [], stepsOf(kind, name) ?? 1);
  writeTimes(numbers, samples.atMs);
  const packed = pack(numbers.bytes());
  head.unsigned(WITH_BITS);
  head.unsigned(packed.length);
  return { names, bytes: Buffer.concat([head.bytes(), packed, bits.bytes()]) };
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
  const parts = partsOf(bytes);
  const reader = new Reader(parts.numbers);
  const count = reader.unsigned();
  const column = parts.bits === undefined ? oldColumnReader(reader, count) : columnReader(reader, parts.bits, count);
  const columns = new Map<string, number[]>();
  for (const name of names) {
    if (wanted(name)) columns.set(name, column.read(stepsOf(kind, name) ?? 1));
    else column.skip();
  }
  return { atMs: readTimes(reader, count), columns };
}

function partsOf(bytes: Uint8Array): { numbers: Uint8Array; bits: Uint8Array | undefined } {
  // Older versions wrote numbers only.
  if (bytes[0] !== WITH_BITS) return { numbers: unpack(bytes), bits: undefined };
  const reader = new Reader(bytes);
  reader.skip(1);
  const length = reader.unsigned();
  return { numbers: unpack(bytes.subarray(reader.at, reader.at + length)), bits: bytes.subarray(reader.at + length) };
}

/** The numbers that were packed; throws for a format that this version does not know. */
export function unpack(bytes: Uint8Array): Uint8Array {
  if (bytes[0] === PLAIN) return bytes.subarray(1);
  if (bytes[0] === COMPRESSED) return zstdDecompressSync(bytes.subarray(1), { maxOutputLength: MOST_BYTES });
  throw new Error("a chunk of samples has a format that this version does not know");
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
