import { expect, test } from "vitest";
import { inWindow } from "./window.ts";

test("a slow one holds up nobody but itself, and the results keep their order", async () => {
  const slow = Promise.withResolvers<undefined>();
  const done: number[] = [];
  let most = 0;
  let running = 0;
  const all = inWindow([0, 1, 2, 3, 4, 5, 6, 7], 3, async (item) => {
    most = Math.max(most, ++running);
    if (item === 0) await slow.promise;
    else await Promise.resolve();
    running -= 1;
    done.push(item);
    return item * 10;
  });
  await expect.poll(() => done).toEqual([1, 2, 3, 4, 5, 6, 7]);
  slow.resolve(undefined);
  expect(await all).toEqual([0, 10, 20, 30, 40, 50, 60, 70]);
  expect(most).toBe(3);
});

test("nothing to do is done, and a failure is thrown", async () => {
  expect(await inWindow([], 3, () => Promise.reject(new Error("never")))).toEqual([]);
  await expect(inWindow([1, 2], 1, (item) => Promise.reject(new Error(`item ${item}`)))).rejects.toThrow("item 1");
});
