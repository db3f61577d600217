import { expect, test } from "vitest";
import { createOutputQueue } from "./output-queue.ts";

test("the producer waits until the reader has taken each item, and the last one ends it", async () => {
  const queue = createOutputQueue<number>();
  const acts: string[] = [];
  const producing = (async () => {
    for (const item of [1, 2]) {
      await queue.push(item);
      acts.push(`taken ${item}`);
    }
    queue.end(3);
  })();
  for await (const item of queue.items()) acts.push(`read ${item}`);
  await producing;
  expect(acts).toEqual(["read 1", "taken 1", "read 2", "taken 2", "read 3"]);
});

test("a failure reaches the reader, and a reader that leaves lets the producer go", async () => {
  const failing = createOutputQueue<number>();
  failing.fail(new Error("the host is gone"));
  await expect(failing.items().next()).rejects.toThrow("the host is gone");
  const left = createOutputQueue<number>();
  const pushed = left.push(1);
  const late = left.push(2);
  const items = left.items();
  await items.next();
  await items.return(undefined);
  await Promise.all([pushed, late, left.push(3)]);
});
