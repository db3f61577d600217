const FIRST_BYTES = 1024;
// What is put at once stays, with the bits that wait, within a 32-bit number.
const PIECE_BITS = 16;
const PIECE = 2 ** PIECE_BITS;
const IN_FOUR_BYTES = 25;
/** Wider numbers do not fit. */
export const MOST_WIDTH = 32;

/** Writes numbers of a fixed number of bits, the lowest first. */
export class BitWriter {
  #bytes = Buffer.allocUnsafe(FIRST_BYTES);
  #length = 0;
  #waiting = 0;
  #bits = 0;

  /** @param width up to 32 bits */
  put(value: number, width: number): void {
    if (width > PIECE_BITS) {
      this.#put(value & (PIECE - 1), PIECE_BITS);
      this.#put(value >>> PIECE_BITS, width - PIECE_BITS);
    } else this.#put(value, width);
  }

  /** Fills the byte that was begun: what follows begins with one. */
  align(): void {
    if (this.#bits > 0) this.#byte();
    this.#waiting = 0;
    this.#bits = 0;
  }

  bytes(): Buffer {
    return this.#bytes.subarray(0, this.#length);
  }

  #put(value: number, width: number): void {
    this.#waiting |= value << this.#bits;
    this.#bits += width;
    while (this.#bits >= 8) {
      this.#byte();
      this.#waiting >>>= 8;
      this.#bits -= 8;
    }
  }

  #byte(): void {
    if (this.#length === this.#bytes.length) {
      this.#bytes = Buffer.concat([this.#bytes, Buffer.allocUnsafe(this.#length)]);
    }
    this.#bytes[this.#length++] = this.#waiting & 255;
  }
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
