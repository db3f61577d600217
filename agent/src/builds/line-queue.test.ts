import { expect, test } from "vitest";
import { createLineQueue } from "./line-queue.ts";

test("lines are sent in order, one after the other, and the rest at the end", async () => {
  const sent: string[] = [];
  const queue = createLineQueue(async ({ service, text }) => void sent.push(`${service}: ${text}`));
  queue.push("web", "one");
  const pumping = queue.pump();
  queue.push("web", "two");
  await Promise.resolve();
  queue.push("db", "three");
  queue.end();
  await pumping;
  expect(sent).toEqual(["web: one", "web: two", "db: three"]);
});

test("behind a slow link the oldest lines are left out, counted, and no line is endless", async () => {
  const sent: string[] = [];
  const queue = createLineQueue(async ({ text }) => void sent.push(text));
  for (let i = 1; i <= 1_500; i++) queue.push("web", `line ${i}`);
  queue.push("web", "x".repeat(10_000));
  queue.end();
  await queue.pump();
  expect(sent[0]).toBe("[501 lines were left out: the link is slower than the build]");
  expect(sent[1]).toBe("line 502");
  expect(sent.at(-1)).toHaveLength(4_000);
});
