import { expect, test } from "vitest";
import { manualClock } from "../platform/index.ts";
import { createRateLimiter } from "./rate-limit.ts";
import { pageOf, readPage } from "./pages.ts";

const start = new Date("2026-01-01T00:00:00Z");

test("a limiter counts a window and forgets on request", () => {
  const clock = manualClock(start);
  const limiter = createRateLimiter({ attempts: 2, windowMs: 60_000, clock });
  limiter.take("a");
  limiter.take("a");
  limiter.take("b");
  expect(() => limiter.take("a")).toThrow(/try again in 60 s/);
  limiter.forget("a");
  limiter.take("a");
  clock.advance(60_001);
  limiter.take("a");
});

test("a page's token names the last row, and belongs to one list", () => {
  const query = { list: "hosts", filter: "site=paris" };
  const page = readPage({ size: 2, token: "" }, query);
  const { rows, nextPageToken } = pageOf(["a", "b", "c"], page, query, (row) => [row]);
  expect(rows).toEqual(["a", "b"]);
  expect(readPage({ size: 0, token: nextPageToken }, query)).toEqual({ size: 100, after: ["b"] });
  expect(() => readPage({ size: 2, token: nextPageToken }, { ...query, filter: "" })).toThrow(/another list/);
  expect(pageOf(["a", "b"], page, query, (row) => [row]).nextPageToken).toBe("");
});
