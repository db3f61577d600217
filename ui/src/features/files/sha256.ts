const BLOCK = 64;
// Fractional parts of the cube roots of the first 64 primes, and of the square roots of the first 8: FIPS 180-4, 4.2.2 and 5.3.3.
const K = new Int32Array(64);
const START = new Int32Array(8);

function fraction(value: number): number {
  return ((value - Math.floor(value)) * 2 ** 32) | 0;
}
for (let candidate = 2, count = 0; count < 64; candidate += 1) {
  let prime = true;
  for (let factor = 2; factor * factor <= candidate; factor += 1) if (candidate % factor === 0) prime = false;
  if (!prime) continue;
  if (count < 8) START[count] = fraction(Math.sqrt(candidate));
  K[count] = fraction(Math.cbrt(candidate));
  count += 1;
}

/** SHA-256 in pieces, which the browser's own digest cannot do: a file larger than memory is hashed slice by slice. */
export class Sha256 {
  private readonly state = START.slice();
  private readonly words = new Int32Array(64);
  private readonly rest = new Uint8Array(BLOCK);
  private restLength = 0;
  private bytes = 0;

  update(piece: Uint8Array): this {
    this.bytes += piece.length;
    let at = 0;
    if (this.restLength > 0) {
      at = Math.min(BLOCK - this.restLength, piece.length);
      this.rest.set(piece.subarray(0, at), this.restLength);
      this.restLength += at;
      if (this.restLength < BLOCK) return this;
      this.block(this.rest, 0);
    }
    for (; at + BLOCK <= piece.length; at += BLOCK) this.block(piece, at);
    this.rest.set(piece.subarray(at));
    this.restLength = piece.length - at;
    return this;
  }

  /** "sha256:" and 64 hex digits. Nothing may be added after it. */
  digest(): string {
    const end = new Uint8Array(this.restLength < 56 ? BLOCK : 2 * BLOCK);
    end.set(this.rest.subarray(0, this.restLength));
    end[this.restLength] = 0x80;
    const view = new DataView(end.buffer);
    view.setUint32(end.length - 8, Math.floor((this.bytes * 8) / 2 ** 32));
    view.setUint32(end.length - 4, (this.bytes * 8) >>> 0);
    for (let at = 0; at < end.length; at += BLOCK) this.block(end, at);
    return `sha256:${[...this.state].map((word) => (word >>> 0).toString(16).padStart(8, "0")).join("")}`;
  }

  private block(from: Uint8Array, at: number): void {
    const w = this.words;
    for (let i = 0, p = at; i < 16; i += 1, p += 4)
      w[i] = (from[p]! << 24) | (from[p + 1]! << 16) | (from[p + 2]! << 8) | from[p + 3]!;
    for (let i = 16; i < 64; i += 1) {
      const x = w[i - 15]!;
      const y = w[i - 2]!;
      const s0 = ((x >>> 7) | (x << 25)) ^ ((x >>> 18) | (x << 14)) ^ (x >>> 3);
      const s1 = ((y >>> 17) | (y << 15)) ^ ((y >>> 19) | (y << 13)) ^ (y >>> 10);
      w[i] = (w[i - 16]! + s0 + w[i - 7]! + s1) | 0;
    }
    const s = this.state;
    let [a, b, c, d, e, f, g, h] = [s[0]!, s[1]!, s[2]!, s[3]!, s[4]!, s[5]!, s[6]!, s[7]!];
    for (let i = 0; i < 64; i += 1) {
      const s1 = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7));
      const t1 = (h + s1 + ((e & f) ^ (~e & g)) + K[i]! + w[i]!) | 0;
      const s0 = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10));
      const t2 = (s0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
      h = g;
      g = f;
      f = e;
      e = (d + t1) | 0;
      d = c;
      c = b;
      b = a;
      a = (t1 + t2) | 0;
    }
    s[0] = (s[0]! + a) | 0;
    s[1] = (s[1]! + b) | 0;
    s[2] = (s[2]! + c) | 0;
    s[3] = (s[3]! + d) | 0;
    s[4] = (s[4]! + e) | 0;
    s[5] = (s[5]! + f) | 0;
    s[6] = (s[6]! + g) | 0;
    s[7] = (s[7]! + h) | 0;
  }
}
