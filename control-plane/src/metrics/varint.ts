import { grown } from "./bits.ts";

// Numbers up to 2^53: JavaScript's bit operators stop at 32 bits, so the parts beyond divide.
const SEVEN_BITS = 128;
const THIRTY_TWO_BITS = 2 ** 32;
const FIRST_BYTES = 1024;
const MOST_BYTES_OF_A_NUMBER = 8;

/** Writes whole numbers, seven bits a byte, the lowest first. */
export class Writer {
  #bytes = Buffer.allocUnsafe(FIRST_BYTES);
  #length = 0;

  unsigned(value: number): void {
    if (this.#length + MOST_BYTES_OF_A_NUMBER > this.#bytes.length) this.#bytes = grown(this.#bytes, 0);
    let rest = value;
    for (; rest >= THIRTY_TWO_BITS; rest = Math.floor(rest / SEVEN_BITS)) {
      this.#bytes[this.#length++] = (rest % SEVEN_BITS) + SEVEN_BITS;
    }
    for (; rest >= SEVEN_BITS; rest >>>= 7) this.#bytes[this.#length++] = (rest & 127) | 128;
    this.#bytes[this.#length++] = rest;
  }

  /** Small numbers of either sign become small ones: 0, -1, 1, -2 … → 0, 1, 2, 3 … */
  signed(value: number): void {
    this.unsigned(value < 0 ? -2 * value - 1 : 2 * value);
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

/** Reads what a Writer wrote; throws where the bytes end too early. */
export class Reader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** Where the next byte is. */
  get at(): number {
    return this.#at;
  }

  unsigned(): number {
    let byte = this.#next();
    if (byte < SEVEN_BITS) return byte;
    let value = byte & 127;
    // Four groups of seven bits stay below the sign of a 32-bit number.
    for (let shift = 7; shift < 28; shift += 7) {
      byte = this.#next();
      value |= (byte & 127) << shift;
      if (byte < SEVEN_BITS) return value;
    }
    for (let weight = 2 ** 28; ; weight *= SEVEN_BITS) {
      byte = this.#next();
      value += (byte & 127) * weight;
      if (byte < SEVEN_BITS) return value;
    }
  }

  signed(): number {
    const value = this.unsigned();
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
  }

  skip(numbers: number): void {
    for (let left = numbers; left > 0;) if (this.#next() < SEVEN_BITS) left--;
  }

  #next(): number {
    const byte = this.#bytes[this.#at++];
    if (byte === undefined) throw new Error("a chunk of samples ends too early");
    return byte;
  }
}
