import fc from "fast-check";
import { expect, test } from "vitest";
import { createTestClock } from "../testing/test-clock.ts";
import { createBucket } from "./bucket.ts";

test("over any time no more goes than the limit, one second's worth and one message; all goes in the end, in order", async () => {
  const message = fc.integer({ min: 1, max: 64 * 1024 });
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1_000, max: 200_000 }),
      fc.array(message, { minLength: 2, maxLength: 20 }),
      async (limit, messages) => {
        const clock = createTestClock();
        const bucket = createBucket(clock);
        bucket.setLimit(limit);
        const begun = clock.now();
        const went: { readonly index: number; readonly at: number; readonly bytes: number }[] = [];
        for (const [index, bytes] of messages.entries()) {
          const go = (): void => {
            bucket.spend(bytes);
            went.push({ index, at: clock.now() - begun, bytes });
          };
          const turn = bucket.wait();
          if (turn === undefined) go();
          else turn.then(go, go);
        }
        const total = messages.reduce((sum, bytes) => sum + bytes, 0);
        await clock.advance((total / limit) * 1_000 + 5_000);
        expect(went.map(({ index }) => index)).toEqual(messages.map((_, i) => i));
        let sum = 0;
        for (const { at, bytes } of went) {
          // What had gone before this one was allowed to.
          expect(sum).toBeLessThanOrEqual((at * limit) / 1_000 + Math.max(limit, 2_048) + 1);
          sum += bytes;
        }
      },
    ),
    { numRuns: 60 },
  );
});

test("a limit of nothing stops all, and what waits goes when it is lifted or given up; a clock set back gives and takes nothing", async () => {
  const clock = createTestClock();
  const bucket = createBucket(clock);
  bucket.setLimit(0);
  expect(bucket.isReady).toBe(false);
  const over = new AbortController();
  const went: string[] = [];
  const note = (text: string, turn: Promise<void> | undefined): void => {
    turn?.then(
      () => went.push(text),
      () => went.push("failed"),
    );
  };
  note("given up", bucket.wait(over.signal));
  note("lifted", bucket.wait());
  await clock.advance(3_600_000);
  expect(went).toEqual([]);
  over.abort();
  await clock.advance(1);
  expect(went).toEqual(["given up"]);
  bucket.setLimit(undefined);
  await clock.advance(1);
  expect(went).toEqual(["given up", "lifted"]);
  expect(bucket.wait()).toBeUndefined();
});
