import { expect, test } from "vitest";
import { manualClock, systemCaller } from "../platform/index.ts";
import { createTickets } from "./tickets.ts";
import { createRateLimiter } from "./rate-limit.ts";
import { pageOf, readPage } from "./pages.ts";

const start = new Date("2026-01-01T00:00:00Z");

test("a ticket opens once, within 30 seconds, with its whole secret", () => {
  const clock = manualClock(start);
  const tickets = createTickets(clock);
  const issue = () =>
    tickets
      .issue({ kind: "exec", caller: systemCaller("test", "org_1"), payload: { hostId: "h" } })
      .path.split("/")
      .at(-1) ?? "";
  const first = issue();
  expect(tickets.redeem(first).payload).toEqual({ hostId: "h" });
  expect(() => tickets.redeem(first)).toThrow(/WF_TICKET_INVALID/);
  expect(() => tickets.redeem(`${issue()}x`)).toThrow(/WF_TICKET_INVALID/);
  const late = issue();
  clock.advance(30_000);
  expect(() => tickets.redeem(late)).toThrow(/WF_TICKET_INVALID/);
});

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
