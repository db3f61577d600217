import { expect, test } from "vitest";
import { takeEach } from "./take-each.ts";

/** Gives one number after the other, and says when it was left. */
function numbers(count: number, said: unknown[]): AsyncIterable<number> {
  return (async function* () {
    try {
      for (let i = 1; i <= count; i++) yield i;
    } finally {
      await Promise.resolve();
      said.push("left");
    }
  })();
}

test("takes all in order, the next one when the one before is done", async () => {
  const said: unknown[] = [];
  await takeEach(numbers(4, said), async (item) => {
    said.push(item);
    await new Promise((resolve) => setTimeout(resolve, 1));
    said.push(-item);
  });
  expect(said).toEqual([1, -1, 2, -2, 3, -3, 4, -4, "left"]);
});

test("stops where it is told to, at once or later, and leaves the source in order", async () => {
  const now: unknown[] = [];
  await takeEach(numbers(4, now), (item) => now.push(item) < 2);
  expect(now).toEqual([1, 2, "left"]);
  const later: unknown[] = [];
  await takeEach(numbers(4, later), (item) => Promise.resolve(later.push(item) < 3));
  expect(later).toEqual([1, 2, 3, "left"]);
});

test("tells what failed: the source, taking, or waiting for it", async () => {
  const said: unknown[] = [];
  const broken: AsyncIterable<number> = {
    [Symbol.asyncIterator]: () => ({ next: () => Promise.reject(new Error("source")) }),
  };
  await expect(takeEach(broken, () => true)).rejects.toThrow("source");
  const taking = takeEach(numbers(2, said), () => {
    throw new Error("taking");
  });
  await expect(taking).rejects.toThrow("taking");
  await expect(takeEach(numbers(2, said), () => Promise.reject(new Error("waiting")))).rejects.toThrow("waiting");
  expect(said).toEqual(["left", "left"]);
});

test("does not keep the last item while it waits for the next one", async () => {
  const gone = Promise.withResolvers<void>();
  const registry = new FinalizationRegistry(() => gone.resolve());
  const next = Promise.withResolvers<IteratorResult<object>>();
  let given = false;
  const items: AsyncIterable<object> = {
    [Symbol.asyncIterator]: () => ({
      next: () => {
        if (given) return next.promise;
        given = true;
        const value = { batch: new Uint8Array(1000) };
        registry.register(value, undefined);
        return Promise.resolve({ done: false, value });
      },
    }),
  };
  const taken = takeEach(items, () => true);
  // Whatever is thrown away makes the collector come by.
  let rubbish: unknown;
  const timer = setInterval(() => (rubbish = Array.from({ length: 200_000 }, (_, i) => ({ i }))), 1);
  await gone.promise;
  clearInterval(timer);
  expect(rubbish).toBeDefined();
  next.resolve({ done: true, value: undefined });
  await taken;
});
