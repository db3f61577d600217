import { PassThrough, Readable } from "node:stream";
import { expect, test } from "vitest";
import { itemsOf } from "./streams.ts";

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test("everything that a stream brings is read in order, to its end", async () => {
  const numbers = Array.from({ length: 1000 }, (_, i) => i + 1);
  const read: number[] = [];
  for await (const item of itemsOf<number>(Readable.from(numbers))) {
    read.push(item);
    if (item % 100 === 0) await turn();
  }
  expect(read).toEqual(numbers);
});

test("a reader that takes nothing holds the stream back", async () => {
  const stream = new PassThrough({ objectMode: true, highWaterMark: 4 });
  const items = itemsOf<number>(stream)[Symbol.asyncIterator]();
  let written = 0;
  while (written < 1000 && stream.write(++written)) await turn();
  expect(written).toBeLessThan(20);
  for (let i = 1; i <= written; i++) expect(await items.next()).toEqual({ done: false, value: i });
  stream.end();
  expect(await items.next()).toEqual({ done: true, value: undefined });
  expect(await items.next()).toEqual({ done: true, value: undefined });
});

test("what came before an error is read, then the error; what is closed has ended", async () => {
  const stream = new PassThrough({ objectMode: true });
  const items = itemsOf<string>(stream)[Symbol.asyncIterator]();
  stream.write("a");
  await turn();
  stream.destroy(new Error("the link broke"));
  await turn();
  expect(await items.next()).toEqual({ done: false, value: "a" });
  await expect(items.next()).rejects.toThrow("the link broke");
  const closed = new PassThrough({ objectMode: true });
  const nothing = itemsOf(closed)[Symbol.asyncIterator]().next();
  closed.destroy();
  expect(await nothing).toEqual({ done: true, value: undefined });
});

test("a reader that leaves reads no more, and leaves the stream as it is", async () => {
  const stream = new PassThrough({ objectMode: true });
  stream.write(1);
  stream.write(2);
  for await (const item of itemsOf(stream)) {
    expect(item).toBe(1);
    break;
  }
  await turn();
  expect(stream.isPaused()).toBe(true);
  expect(stream.destroyed).toBe(false);
});
