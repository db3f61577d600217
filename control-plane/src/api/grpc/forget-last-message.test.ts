import { StreamDecoder } from "@grpc/grpc-js/build/src/stream-decoder.js";
import { afterAll, beforeAll, expect, test } from "vitest";
import { forgetLastMessages } from "./forget-last-message.ts";

const original = Object.getOwnPropertyDescriptor(StreamDecoder.prototype, "write") ?? {};
beforeAll(forgetLastMessages);
afterAll(() => {
  Object.defineProperty(StreamDecoder.prototype, "write", original);
});

function framed(text: string): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(Buffer.byteLength(text), 1);
  return Buffer.concat([head, Buffer.from(text)]);
}
/** The bytes that the decoder holds, its place for a message's length apart. */
function held(decoder: StreamDecoder): number {
  const { readPartialMessage, readCompressFlag } = decoder as unknown as {
    readPartialMessage: Buffer[];
    readCompressFlag: Buffer;
  };
  return readPartialMessage.reduce((sum, part) => sum + part.length, readCompressFlag.length);
}

test("what was handed on is not kept", () => {
  const decoder = new StreamDecoder(-1);
  expect(decoder.write(framed("a batch"))).toEqual([framed("a batch")]);
  expect(held(decoder)).toBe(1);
});

test("messages come whole, however they are cut, and empty ones too", () => {
  const texts = ["first", "", "x".repeat(3000), "last"];
  const all = Buffer.concat(texts.map(framed));
  for (const size of [1, 2, 5, 7, 1000, all.length]) {
    const decoder = new StreamDecoder(-1);
    const got: Buffer[] = [];
    for (let at = 0; at < all.length; at += size) got.push(...decoder.write(all.subarray(at, at + size)));
    expect(got).toEqual(texts.map(framed));
    expect(held(decoder)).toBe(1);
  }
});

test("what has begun is kept until its end", () => {
  const decoder = new StreamDecoder(-1);
  expect(decoder.write(framed("half of it").subarray(0, 9))).toEqual([]);
  expect(held(decoder)).toBe(5);
  expect(decoder.write(framed("half of it").subarray(9))).toEqual([framed("half of it")]);
});
