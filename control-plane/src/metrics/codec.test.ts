import { zstdCompressSync } from "node:zlib";
import { HOST_COLUMNS } from "@windflow/core";
import fc from "fast-check";
import { expect, test } from "vitest";
import { BitWriter, bytesOfBits, readBits } from "./bits.ts";
import { decodeChunk, encodeChunk } from "./codec.ts";
import { mergeSamples, splitByBucket, stepsOf, type Samples } from "./model.ts";

const names = ["cpu_used_ratio", "memory_used_bytes", "network_receive_bytes_per_second:eth0", "load_1m"];
const value = fc.oneof(
  fc.double({ min: 0, max: 2 ** 36, noNaN: true }),
  fc.double({ min: 0, max: 1, noNaN: true }),
  fc.constant(Number.NaN),
);
const samplesOf = fc.array(fc.integer({ min: 1, max: 60_000 }), { minLength: 1, maxLength: 80 }).chain((gaps) =>
  fc
    .tuple(...names.map(() => fc.array(value, { minLength: gaps.length, maxLength: gaps.length })))
    .map((columns): Samples => {
      let at = 1_764_000_000_000;
      return {
        atMs: gaps.map((gap) => (at += gap)),
        columns: new Map(names.map((name, i) => [name, columns[i] ?? []])),
      };
    }),
);

test("what is decoded is what was encoded, to the step of its unit, and unknown stays unknown", () => {
  fc.assert(
    fc.property(samplesOf, (samples) => {
      const decoded = decodeChunk("host", encodeChunk("host", samples));
      expect(decoded.atMs).toEqual(samples.atMs);
      for (const [name, values] of samples.columns) {
        const steps = stepsOf("host", name) ?? 1;
        expect(decoded.columns.get(name)).toEqual(values.map((one) => Math.round(one * steps) / steps));
      }
    }),
  );
});

test("splitting by bucket and merging again, in any order and with duplicates, changes nothing", () => {
  fc.assert(
    fc.property(samplesOf, fc.boolean(), (samples, twice) => {
      const parts = splitByBucket(samples).map((part) => part.samples);
      const shuffled = [...parts.toReversed(), ...(twice ? parts : [])];
      const merged = mergeSamples(shuffled);
      expect(merged.atMs).toEqual(samples.atMs);
      for (const [name, values] of samples.columns) expect(merged.columns.get(name)).toEqual(values);
    }),
  );
});

test("columns that this version does not know are left out", () => {
  const samples = {
    atMs: [1],
    columns: new Map([
      ["cpu_used_ratio", [0.5]],
      ["gpu_used_ratio", [0.5]],
    ]),
  };
  expect(encodeChunk("host", samples).names).toEqual(["cpu_used_ratio"]);
});

test("five minutes of a busy host take less than 2.6 bytes a figure", () => {
  const random = seeded(7);
  const columns = new Map<string, number[]>();
  const count = 60;
  for (const [name, { unit, ...meaning }] of Object.entries(HOST_COLUMNS)) {
    const devices = "perDevice" in meaning ? [":a", ":b"] : [""];
    const scale =
      unit === "ratio" ? 0.3 : unit === "count" ? 2 : unit === "bytes" ? 8e9 : unit === "seconds" ? 1e6 : 3e5;
    for (const device of devices) columns.set(name + device, walk(random, count, scale, unit));
  }
  const atMs = Array.from({ length: count }, (_, i) => 1_764_000_000_000 + i * 5000 + Math.floor(random() * 20));
  const { bytes } = encodeChunk("host", { atMs, columns });
  expect(bytes.length / (count * columns.size)).toBeLessThan(2.6);
});

function walk(random: () => number, count: number, scale: number, unit: string): number[] {
  let level = scale;
  return Array.from({ length: count }, () => {
    // Rates jump about, sizes creep.
    level = unit.endsWith("per_second") ? scale * random() : level * (1 + (random() - 0.5) / 100);
    return level;
  });
}

function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
    return state / 2 ** 31;
  };
}

test("a figure that no machine has is cut, and harms none beside it", () => {
  const samples = { atMs: [1, 2, 3], columns: new Map([["load_1m", [1, 1e300, 2]]]) };
  expect(decodeChunk("host", encodeChunk("host", samples)).columns.get("load_1m")).toEqual([1, 2 ** 51 / 1000, 2]);
});

test("few samples and many that are the same are read, and single columns; another format is not", () => {
  const random = seeded(3);
  const few = { atMs: [1000, 6000], columns: new Map([["memory_used_bytes", [Math.floor(random() * 1e9), 5]]]) };
  const many = {
    atMs: Array.from({ length: 60 }, (_, i) => i * 5000),
    columns: new Map([["load_1m", Array(60).fill(1)]]),
  };
  const chunks = [few, many].map((samples) => encodeChunk("host", samples));
  expect(chunks.map((chunk) => decodeChunk("host", chunk))).toEqual([few, many]);
  expect(() => decodeChunk("host", { names: [], bytes: Uint8Array.of(9, 0) })).toThrow("format");
  expect(decodeChunk("host", encodeChunk("host", few), () => false)).toEqual({ atMs: few.atMs, columns: new Map() });
});

test("what older versions wrote is read: differences as variable-length numbers, compressed or not", () => {
  const expected = { atMs: [1000, 6000, 11_000], columns: new Map([["load_1m", [1, Number.NaN, 2.5]]]) };
  // Three samples; two known, the second not; 1000 steps, 1500 more; times.
  const numbers = Buffer.from([3, 2, 1, 0, 1, 0xd0, 0x0f, 0xb8, 0x17, 0xd0, 0x0f, 0xc0, 0x3e, 0]);
  for (const bytes of [
    [Buffer.of(2), numbers],
    [Buffer.of(1), zstdCompressSync(numbers)],
  ]) {
    expect(decodeChunk("host", { names: ["load_1m"], bytes: Buffer.concat(bytes) })).toEqual(expected);
  }
});

test("numbers of any width come back out of bits", () => {
  const numbers = fc
    .integer({ min: 1, max: 32 })
    .chain((width) =>
      fc.tuple(fc.constant(width), fc.array(fc.integer({ min: 0, max: 2 ** width - 1 }), { maxLength: 50 })),
    );
  fc.assert(
    fc.property(fc.array(numbers, { maxLength: 4 }), (parts) => {
      const writer = new BitWriter();
      for (const [width, values] of parts) writer.put(Float64Array.from(values), values.length, 0, width);
      let at = 0;
      for (const [width, values] of parts) {
        expect(readBits(writer.bytes(), at, width, values.length)).toEqual(values);
        at += bytesOfBits(values.length, width);
      }
      expect(writer.bytes().length).toBe(at);
    }),
  );
});
