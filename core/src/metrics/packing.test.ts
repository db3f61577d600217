import { deflateRawSync } from "node:zlib";
import type { SampleBatch } from "@windflow/proto/agent";
import { expect, test } from "vitest";
import { packSamples, quantized, unpackSamples } from "./index.ts";

const names = Array.from({ length: 20 }, (_, i) => `network_receive_bytes_per_second:eth${i}`);
const batch: SampleBatch = {
  containerId: "",
  atMs: [1n, 2n, 3n],
  columns: names.map((name, i) => ({ name, values: [i, i + 0.5, Number.NaN] })),
  packedColumns: new Uint8Array(0),
};

test("packed columns are read back as they were, in less than half the bytes; plain ones are read as they are", () => {
  const packed = packSamples(batch);
  expect(packed.columns).toEqual([]);
  expect(packed.packedColumns.length).toBeLessThan(names.join("").length / 2);
  expect(unpackSamples(packed)).toEqual(batch.columns);
  expect(unpackSamples(batch)).toEqual(batch.columns);
});

test("what cannot be read, or would be too large, gives no columns and no error", () => {
  expect(unpackSamples({ ...batch, packedColumns: Buffer.from("garbage") })).toEqual([]);
  expect(unpackSamples({ ...batch, packedColumns: deflateRawSync(Buffer.alloc(2_000_000)) })).toEqual([]);
});

test("what an agent of today packs is read for ever: the dictionary is part of the protocol", () => {
  const bytes = "e372e45225ca3a21090630f8600fa1191c2014870300";
  const read = unpackSamples({ ...batch, packedColumns: Buffer.from(bytes, "hex") });
  expect(read).toEqual([{ name: "network_receive_bytes_per_second:eth0", values: [1, 2, 3] }]);
});

test("figures are kept as finely as anybody looks at them, in numbers that pack well", () => {
  expect(quantized("bytes_per_second", 1234.567)).toBe(1235);
  expect(quantized("ratio", 0.123456)).toBeCloseTo(0.123456, 3);
  expect(quantized("count", 1.23456)).toBeCloseTo(1.23456, 3);
  expect(quantized("bytes", Number.NaN)).toBeNaN();
});
