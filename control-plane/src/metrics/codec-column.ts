import { bytesOfBits, MOST_WIDTH, readBits, type BitWriter } from "./bits.ts";
import type { Reader, Writer } from "./varint.ts";

// A column: how many values are known, which ones unless all are; then, unless none is, how they are written, and the values
// in whole steps of their unit (see model.ts), less the zero bits that all of them end with.
//  - differences to the one before, as numbers, which compression makes small where most are the same;
//  - the same as bits of one width, as many as the widest needs: where they differ by as much each time;
//  - what they are above the lowest, as bits: where they jump about.
const NUMBERS = 0;
const DIFFERENCE_BITS = 1;
const OFFSET_BITS = 2;
const WAYS = 4;
// Twice the difference of two of these is still exact in a double.
const MOST_STEPS = 2 ** 51;
const MOST_SHIFT = 31;
const SEVEN_BITS = 128;
const THIRTY_TWO_BITS = 2 ** 32;
// Numbers are compressed afterwards, which bits are not.
const COMPRESSED_SHARE = 0.9;

/** In whole steps; what no machine has is cut. */
export function steppedValue(value: number, steps: number): number {
  return Math.max(-MOST_STEPS, Math.min(MOST_STEPS, Math.round(value * steps)));
}

/** Small numbers of either sign become small ones: 0, -1, 1, -2 … → 0, 1, 2, 3 … */
const zigzag = (value: number): number => (value < 0 ? -2 * value - 1 : 2 * value);
/** Of at most 32 bits. */
const unzigzag = (value: number): number => (value >>> 1) ^ -(value & 1);
const widthOf = (value: number): number =>
  value < THIRTY_TWO_BITS ? 32 - Math.clz32(value) : 32 + widthOf(Math.floor(value / THIRTY_TWO_BITS));

// For one column at a time: writing one is never interrupted.
let known = new Float64Array(0);
let differences = new Float64Array(0);

export function writeColumn(numbers: Writer, bits: BitWriter, values: readonly number[], steps: number): void {
  if (known.length < values.length) {
    known = new Float64Array(2 * values.length);
    differences = new Float64Array(2 * values.length);
  }
  let count = 0;
  for (const value of values) if (Number.isFinite(value)) known[count++] = steppedValue(value, steps);
  numbers.unsigned(count);
  if (count < values.length) for (const value of values) numbers.unsigned(Number.isFinite(value) ? 1 : 0);
  if (count === 0) return;
  const shift = shiftOf(count);
  if (shift > 0) for (let i = 0; i < count; i++) known[i] = (known[i] ?? 0) / 2 ** shift;
  const { widest, asNumbers, lowest, highest } = measured(count);
  const offsets = widthOf(highest - lowest);
  const width = Math.min(widest, offsets);
  const isWorthBits = width <= MOST_WIDTH && bytesOfBits(count, width) < COMPRESSED_SHARE * asNumbers;
  const way = isWorthBits ? (widest <= offsets ? DIFFERENCE_BITS : OFFSET_BITS) : NUMBERS;
  numbers.unsigned(shift * WAYS + way);
  numbers.signed(way === OFFSET_BITS ? lowest : (known[0] ?? 0));
  if (way === NUMBERS) {
    for (let i = 0; i < count; i++) numbers.unsigned(differences[i] ?? 0);
    return;
  }
  numbers.unsigned(width);
  if (way === OFFSET_BITS) bits.put(known, count, lowest, width);
  else bits.put(differences, count, 0, width);
}

interface Measured {
  /** Bits of the widest difference. */
  readonly widest: number;
  /** Bytes of the differences as numbers. */
  readonly asNumbers: number;
  readonly lowest: number;
  readonly highest: number;
}

/** Of the first `count` known values; writes down their differences. */
function measured(count: number): Measured {
  let before = known[0] ?? 0;
  let [lowest, highest, most, asNumbers] = [before, before, 0, 0];
  for (let i = 0; i < count; i++) {
    const value = known[i] ?? 0;
    const difference = zigzag(value - before);
    before = value;
    differences[i] = difference;
    if (difference > most) most = difference;
    if (value < lowest) lowest = value;
    if (value > highest) highest = value;
    asNumbers += difference < SEVEN_BITS ? 1 : Math.ceil(widthOf(difference) / 7);
  }
  return { widest: widthOf(most), asNumbers, lowest, highest };
}

/** How many bits all of the first `count` known values end with that are zero: sizes are often whole pages. */
function shiftOf(count: number): number {
  let low = 0;
  for (let i = 0; i < count; i++) {
    // The lowest 32 bits of it, also of a larger one.
    low |= known[i] ?? 0;
    if ((low & 1) === 1) return 0;
  }
  return low === 0 ? 0 : Math.min(MOST_SHIFT, 31 - Math.clz32(low & -low));
}

/** Reads columns in the order in which they were written. */
export interface ColumnReader {
  /** NaN where a value was not known. */
  read(steps: number): number[];
  skip(): void;
}

export function columnReader(numbers: Reader, bits: Uint8Array, count: number): ColumnReader {
  let at = 0;
  const head = (known: number): { unit: number; way: number; base: number; width: number; start: number } => {
    const how = numbers.unsigned();
    const way = how % WAYS;
    const base = numbers.signed();
    const width = way === NUMBERS ? 0 : numbers.unsigned();
    const start = at;
    at += bytesOfBits(known, width);
    return { unit: 2 ** Math.floor(how / WAYS), way, base, width, start };
  };
  return {
    read: (steps) => {
      const { known, values } = readPresence(numbers, count);
      if (known === 0) return values;
      const { unit, way, base, width, start } = head(known);
      const written = way === NUMBERS ? undefined : readBits(bits, start, width, known);
      let before = base;
      for (let i = 0, next = 0; i < count; i++) {
        if (known < count && Number.isNaN(values[i])) continue;
        if (written === undefined) before += numbers.signed();
        else if (way === OFFSET_BITS) before = base + (written[next++] ?? 0);
        else before += unzigzag(written[next++] ?? 0);
        values[i] = (before * unit) / steps;
      }
      return values;
    },
    skip: () => {
      const known = skipPresence(numbers, count);
      if (known > 0 && head(known).way === NUMBERS) numbers.skip(known);
    },
  };
}

/** What older versions wrote: differences as numbers, the first one to zero. */
export function oldColumnReader(numbers: Reader, count: number): ColumnReader {
  return {
    read: (steps) => {
      const { known, values } = readPresence(numbers, count);
      let before = 0;
      for (let i = 0; i < count; i++) {
        if (known < count && Number.isNaN(values[i])) continue;
        before += numbers.signed();
        values[i] = before / steps;
      }
      return values;
    },
    skip: () => numbers.skip(skipPresence(numbers, count)),
  };
}

function readPresence(numbers: Reader, count: number): { known: number; values: number[] } {
  const known = numbers.unsigned();
  const values: number[] = [];
  for (let i = 0; i < count; i++) values.push(known === count || numbers.unsigned() === 1 ? 0 : Number.NaN);
  return { known, values };
}

function skipPresence(numbers: Reader, count: number): number {
  const known = numbers.unsigned();
  if (known < count) numbers.skip(count);
  return known;
}
