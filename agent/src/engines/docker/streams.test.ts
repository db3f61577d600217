import fc from "fast-check";
import { expect, test } from "vitest";
import { demultiplex } from "./demultiplex.ts";
import { parseLines } from "./json-lines.ts";
import { trackLayer } from "./pull.ts";
import { figuresOf } from "./stats.ts";

async function* inPieces(bytes: Buffer, sizes: readonly number[]): AsyncGenerator<Buffer> {
  let at = 0;
  for (const size of [...sizes, bytes.length]) {
    const piece = bytes.subarray(at, at + size);
    at += size;
    if (piece.length > 0) yield piece;
  }
}

function frame(stream: number, text: string): Buffer {
  const header = Buffer.alloc(8);
  header[0] = stream;
  header.writeUInt32BE(Buffer.byteLength(text), 4);
  return Buffer.concat([header, Buffer.from(text)]);
}

test("output is split the same way in whatever pieces it comes", async () => {
  const bytes = Buffer.concat([frame(1, "out\n"), frame(2, "err\n"), frame(1, ""), frame(1, "more")]);
  await fc.assert(
    fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 9 })), async (sizes) => {
      const texts = { stdout: "", stderr: "" };
      for await (const chunk of demultiplex(inPieces(bytes, sizes))) texts[chunk.stream] += chunk.bytes.toString();
      expect(texts).toEqual({ stdout: "out\nmore", stderr: "err\n" });
    }),
  );
});

test("lines of JSON are read in whatever pieces they come, also through a character", async () => {
  const values = [{ a: "é" }, { b: 2 }, { c: null }];
  const bytes = Buffer.from(values.map((value) => JSON.stringify(value)).join("\n"));
  await fc.assert(
    fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 5 })), async (sizes) => {
      const read: unknown[] = [];
      for await (const value of parseLines(inPieces(bytes, sizes))) read.push(value);
      expect(read).toEqual(values);
    }),
  );
});

test("a pull counts the bytes of its downloads, and a layer that is there already as done", () => {
  const layers = new Map();
  const id = "0123456789ab";
  trackLayer(layers, { status: "Pulling fs layer", id });
  trackLayer(layers, { status: "Downloading", id, progressDetail: { current: 5, total: 10 } });
  trackLayer(layers, { status: "Extracting", id, progressDetail: { current: 1, total: 99 } });
  expect(layers.get(id)).toEqual({ done: false, bytesDone: 5, bytesTotal: 10 });
  trackLayer(layers, { status: "Pull complete", id });
  expect(layers.get(id)).toEqual({ done: true, bytesDone: 10, bytesTotal: 10 });
  expect(trackLayer(layers, { status: "Pulling from library/nginx", id: "latest" })).toBe(false);
});

test("memory is the working set, with either generation of control groups", () => {
  const memory = (stats: Record<string, number>): number =>
    figuresOf({ memory_stats: { usage: 100, limit: 1000, stats } }).memoryBytes;
  expect(memory({ total_inactive_file: 30, inactive_file: 5 })).toBe(70);
  expect(memory({ inactive_file: 40 })).toBe(60);
  expect(figuresOf({})).toMatchObject({ cpuNanoseconds: 0, memoryBytes: 0, receivedBytes: 0 });
});
