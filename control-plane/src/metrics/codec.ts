import { zstdCompressSync, zstdDecompressSync } from "node:zlib";
import { stepsOf, type Samples, type SubjectKind } from "./model.ts";

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
  const plain = writer.bytes();
  const compressed = zstdCompressSync(plain);
  const isWorthIt = compressed.length < plain.length * (plain.length < SMALL_BYTES ? WORTH_COMPRESSING : 1);
  const bytes = isWorthIt ? [Buffer.of(COMPRESSED), compressed] : [Buffer.of(PLAIN), plain];
  return { names, bytes: Buffer.concat(bytes) };
}

/** @param wanted the columns that are decoded; all unless told. The others are passed over, which is cheaper. */
export function decodeChunk(
  kind: SubjectKind,
  { names, bytes }: Encoded,
  wanted: (name: string) => boolean = () => true,
): Samples {
  const reader = new Reader(numbersOf(bytes));
  const count = reader.unsigned();
  const columns = names.flatMap((name) => {
    if (wanted(name)) return [[name, readColumn(reader, count, stepsOf(kind, name) ?? 1)] as const];
    skipColumn(reader, count);
    return [];
  });
  return { atMs: readTimes(reader, count), columns: new Map(columns) };
}

function numbersOf(bytes: Uint8Array): Uint8Array {
  if (bytes[0] === PLAIN) return bytes.subarray(1);
  if (bytes[0] === COMPRESSED) return zstdDecompressSync(bytes.subarray(1), { maxOutputLength: MOST_BYTES });
  throw new Error("a chunk of samples has a format that this version does not know");
}

function writeColumn(writer: Writer, values: readonly number[], steps: number): void {
  const known = values.filter((value) => Number.isFinite(value));
  writer.unsigned(known.length);
  if (known.length < values.length) for (const value of values) writer.unsigned(Number.isFinite(value) ? 1 : 0);
  let before = 0;
  for (const value of known) {
    const stepped = Math.max(-MOST_STEPS, Math.min(MOST_STEPS, Math.round(value * steps)));
    writer.signed(stepped - before);
    before = stepped;
  }
}

function readColumn(reader: Reader, count: number, steps: number): number[] {
  const known = reader.unsigned();
  const present = Array.from({ length: count }, () => known === count || reader.unsigned() === 1);
  let before = 0;
  return present.map((is) => {
    if (!is) return Number.NaN;
    before += reader.signed();
    return before / steps;
  });
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

// Numbers up to 2^53: JavaScript's bit operators stop at 32 bits, so this divides.
const SEVEN_BITS = 128;
const ONE_BYTE = 256;

class Writer {
  #bytes = Buffer.allocUnsafe(ONE_BYTE);
  #length = 0;

  unsigned(value: number): void {
    let rest = value;
    for (; rest >= SEVEN_BITS; rest = Math.floor(rest / SEVEN_BITS)) this.#byte((rest % SEVEN_BITS) + SEVEN_BITS);
    this.#byte(rest);
  }

  /** Small numbers of either sign become small ones: 0, -1, 1, -2 … → 0, 1, 2, 3 … */
  signed(value: number): void {
    this.unsigned(value < 0 ? -2 * value - 1 : 2 * value);
  }

  bytes(): Buffer {
    return this.#bytes.subarray(0, this.#length);
  }

  #byte(value: number): void {
    if (this.#length === this.#bytes.length) this.#bytes = Buffer.concat([this.#bytes, Buffer.alloc(this.#length)]);
    this.#bytes[this.#length++] = value;
  }
}

class Reader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  unsigned(): number {
    let value = 0;
    for (let weight = 1; ; weight *= SEVEN_BITS) {
      const byte = this.#bytes[this.#at++];
      if (byte === undefined) throw new Error("a chunk of samples ends too early");
      value += (byte % SEVEN_BITS) * weight;
      if (byte < SEVEN_BITS) return value;
    }
  }

  skip(numbers: number): void {
    for (let left = numbers; left > 0;) {
      const byte = this.#bytes[this.#at++];
      if (byte === undefined) throw new Error("a chunk of samples ends too early");
      if (byte < SEVEN_BITS) left--;
    }
  }

  signed(): number {
    const value = this.unsigned();
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
  }
}
