// As much as the samples of five minutes need.
const FIRST_BYTES = 32 * 1024;
// What is put at once stays, with the bits that wait, within a 32-bit number.
const PIECE_BITS = 16;
const PIECE = 2 ** PIECE_BITS;
const IN_FOUR_BYTES = 25;
/** Wider numbers do not fit. */
export const MOST_WIDTH = 32;

/** Writes numbers of a fixed number of bits, the lowest first; those of one call begin with a byte. */
export class BitWriter {
  #bytes = Buffer.allocUnsafe(FIRST_BYTES);
  #length = 0;

  /** The first `count` of the values, each what it is above `base`: whole numbers of up to `width` bits, which are up to 32. */
  put(values: Float64Array, count: number, base: number, width: number): void {
    const end = this.#length + bytesOfBits(count, width);
    if (end > this.#bytes.length) this.#bytes = grown(this.#bytes, end);
    const bytes = this.#bytes;
    const low = Math.min(width, PIECE_BITS);
    const high = width - low;
    let [at, waiting, bits] = [this.#length, 0, 0];
    for (let i = 0; i < count; i++) {
      const value = (values[i] ?? 0) - base;
      waiting |= (value & (PIECE - 1)) << bits;
      for (bits += low; bits >= 8; bits -= 8, waiting >>>= 8) bytes[at++] = waiting & 255;
      if (high === 0) continue;
      waiting |= (value >>> PIECE_BITS) << bits;
      for (bits += high; bits >= 8; bits -= 8, waiting >>>= 8) bytes[at++] = waiting & 255;
    }
    if (bits > 0) bytes[at] = waiting & 255;
    this.#length = end;
  }

  /** Good until it is cleared. */
  bytes(): Buffer {
    return this.#bytes.subarray(0, this.#length);
  }

  /** To write something else, with the same memory. */
  clear(): void {
    this.#length = 0;
  }
}

/** More room, with what is there. */
export function grown(bytes: Buffer, least: number): Buffer<ArrayBuffer> {
  const larger = Buffer.allocUnsafeSlow(Math.max(least, 2 * bytes.length));
  bytes.copy(larger);
  return larger;
}

/** The bytes that so many numbers take. */
export function bytesOfBits(count: number, width: number): number {
  return Math.ceil((count * width) / 8);
}

/** The numbers of `width` bits from a byte on; throws where the bytes end too early. */
export function readBits(bytes: Uint8Array, start: number, width: number, count: number): number[] {
  if (start + bytesOfBits(count, width) > bytes.length) throw new Error("a chunk of samples ends too early");
  const values: number[] = [];
  const low = Math.min(width, width > IN_FOUR_BYTES ? PIECE_BITS : width);
  const high = width - low;
  const [lowMask, highMask] = [(1 << low) - 1, (1 << high) - 1];
  for (let i = 0, bit = start * 8; i < count; i++, bit += width) {
    let value = (fourBytes(bytes, bit >>> 3) >>> (bit & 7)) & lowMask;
    // Four bytes are enough for what begins with any bit of the first, and not for more than this.
    if (high > 0) value += ((fourBytes(bytes, (bit + low) >>> 3) >>> ((bit + low) & 7)) & highMask) * PIECE;
    values.push(value);
  }
  return values;
}

// Beyond the end there are zeros, which no number has.
function fourBytes(bytes: Uint8Array, at: number): number {
  return (bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8) | ((bytes[at + 2] ?? 0) << 16) | ((bytes[at + 3] ?? 0) << 24);
}
