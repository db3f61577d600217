import { deflateRawSync } from "node:zlib";
import { type SampleBatch, SampleColumns } from "@windflow/proto/agent";
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

test("columns in a form that no agent of ours writes are read all the same", () => {
  const deflate = (bytes: Uint8Array): SampleBatch => ({ ...batch, columns: [], packedColumns: deflateRawSync(bytes) });
  const column = { name: "düsk_used_bytes:/срв", values: [1, Number.NaN, 2 ** 40] };
  // The values before the name; a field that is not known; no values, and no name.
  const values = Buffer.alloc(8);
  values.writeDoubleLE(4.5);
  const turned = Buffer.concat([Buffer.of(0x0a, 13, 0x12, 8), values, Buffer.of(0x0a, 1, 0x61)]);
  const more = Buffer.of(0x0a, 5, 0x0a, 1, 0x62, 0x18, 7);
  expect(unpackSamples(deflate(Buffer.concat([turned, more])))).toEqual([
    { name: "a", values: [4.5] },
    { name: "b", values: [] },
  ]);
  const long = { name: "n".repeat(300), values: Array.from({ length: 3000 }, (_, i) => i / 3) };
  for (const columns of [[column], [column, { name: "", values: [] }], [long, column], [long, long]]) {
    expect(unpackSamples(deflate(SampleColumns.encode({ columns }).finish()))).toEqual(columns);
  }
});

test("bytes that end in the middle of a column are none", () => {
  const bytes = SampleColumns.encode({ columns: batch.columns }).finish();
  const whole = SampleColumns.encode({ columns: batch.columns.slice(0, 1) }).finish().length;
  for (const length of [1, 2, 10, whole - 1, whole + 3]) {
    const packedColumns = deflateRawSync(bytes.subarray(0, length));
    expect(unpackSamples({ ...batch, columns: [], packedColumns })).toEqual([]);
  }
});
