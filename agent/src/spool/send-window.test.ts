import { expect, test } from "vitest";
import { createSendWindow } from "./send-window.ts";

test("a fast link gets a window of four batches, a slow one keeps 64 kB and comes back to it", () => {
  const window = createSendWindow();
  expect(window.bytes).toBe(64 * 1024);
  for (let i = 0; i < 100; i++) window.answered(50);
  expect(window.bytes).toBe(128 * 1024);
  for (let i = 0; i < 10; i++) window.answered(5_000);
  expect(window.bytes).toBe(64 * 1024);
  window.answered(2_000);
  expect(window.bytes).toBe(64 * 1024);
});
