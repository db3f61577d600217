import type { LogEntry } from "@windflow/proto/agent";
import { expect, test } from "vitest";
import { createCreditWindow, CREDIT_BYTES } from "./credit.ts";
import { createLogQueue } from "./log-queue.ts";

const entry = (text: string): LogEntry => ({ at: undefined, stderr: false, text });

test("a reader who follows and falls behind gets the newest lines and the number of those left out", () => {
  const queue = createLogQueue(true);
  for (let i = 0; i < 2_000; i++) queue.push(entry(`${i} ${"x".repeat(1_000)}`));
  const got: LogEntry[] = [];
  let dropped = 0;
  while (!queue.isEmpty) {
    const { chunk } = queue.take();
    got.push(...chunk.entries);
    dropped += chunk.dropped;
  }
  expect(dropped).toBeGreaterThan(1_000);
  expect(got.length + dropped).toBe(2_000);
  expect(got.at(-1)?.text).toMatch(/^1999 /);
  expect(got[0]?.text).toMatch(new RegExp(`^${dropped} `));
});

test("a reader of a whole log loses nothing; the queue says when it is full", () => {
  const queue = createLogQueue(false);
  for (let i = 0; i < 600; i++) queue.push(entry("x".repeat(1_000)));
  expect(queue.isFull).toBe(true);
  let count = 0;
  while (!queue.isEmpty) {
    const { chunk, bytes } = queue.take();
    count += chunk.entries.length;
    expect(bytes).toBeLessThan(20_000);
    expect(chunk.dropped).toBe(0);
  }
  expect(count).toBe(600);
});

test("credit lets 64 kB out, then waits for the reader, and nobody waits for a closed stream", async () => {
  const credit = createCreditWindow();
  await credit.take(CREDIT_BYTES);
  let taken = false;
  const waiting = credit.take(10).then(() => (taken = true));
  await Promise.resolve();
  expect(taken).toBe(false);
  credit.grant(1_000);
  await waiting;
  expect(credit.available).toBe(990);
  credit.grant(10_000_000);
  expect(credit.available).toBe(CREDIT_BYTES);
  await credit.take(CREDIT_BYTES);
  const late = credit.take(1);
  credit.close();
  await expect(late).resolves.toBeUndefined();
});
