import { expect, test } from "vitest";
import type { Clock } from "../platform/clock.ts";
import { keepSession } from "./keeper.ts";
import type { SessionEnd } from "./session.ts";

const lost: SessionEnd = {
  welcomed: false,
  returnWithinMs: 0,
  reason: "no route",
  goodbye: undefined,
  refused: false,
  renewed: false,
};
const goodbye = (over: Partial<NonNullable<SessionEnd["goodbye"]>>): SessionEnd => ({
  ...lost,
  welcomed: true,
  goodbye: { code: "WF_X", message: "", retryAfterMs: 0, doNotReturn: false, ...over },
});

/** Runs the keeper through sessions that end as told, each after so many milliseconds, and gives the pauses between them. */
async function pausesAfter(
  ...sessions: readonly { readonly end: SessionEnd; readonly lastedMs: number }[]
): Promise<number[]> {
  let now = 0;
  const pauses: number[] = [];
  const stop = new AbortController();
  const clock: Clock = {
    now: () => now,
    after: (ms, callback) => {
      pauses.push(ms);
      now += ms;
      queueMicrotask(callback);
      return () => undefined;
    },
  };
  const left = [...sessions];
  await keepSession(
    {
      clock,
      log: () => undefined,
      random: () => 1,
      attempt: () => {
        const next = left.shift();
        if (next === undefined) stop.abort();
        now += next?.lastedMs ?? 0;
        return Promise.resolve(next?.end ?? lost);
      },
      onEnded: () => undefined,
    },
    stop.signal,
  );
  return pauses;
}

test("failures in a row wait longer and longer; a steady session starts the count anew", async () => {
  const failure = { end: lost, lastedMs: 10 };
  const steady = { end: { ...lost, welcomed: true }, lastedMs: 60_000 };
  expect(await pausesAfter(failure, failure, failure, steady, failure)).toEqual([1_000, 2_000, 4_000, 1_000, 2_000]);
});

test("a host of a large fleet comes back over as long as its control plane said, also when that is not there yet", async () => {
  const welcomed = { end: { ...lost, welcomed: true, returnWithinMs: 9_000 }, lastedMs: 60_000 };
  const failure = { end: lost, lastedMs: 10 };
  const small = { end: { ...lost, welcomed: true }, lastedMs: 60_000 };
  expect(await pausesAfter(welcomed, failure, small, failure)).toEqual([9_000, 9_000, 1_000, 2_000]);
});

test("two hosts with one identity do not push each other out without a pause", async () => {
  const superseded = { end: goodbye({ code: "WF_SESSION_SUPERSEDED" }), lastedMs: 50 };
  expect(await pausesAfter(superseded, superseded, superseded, superseded)).toEqual([1_000, 2_000, 4_000, 4_000]);
});

test("the control plane's word is kept: when to come back, or to stay away, which means five minutes at most", async () => {
  const later = { end: goodbye({ retryAfterMs: 20_000 }), lastedMs: 60_000 };
  const never = { end: goodbye({ doNotReturn: true }), lastedMs: 60_000 };
  const unknown = { end: { ...lost, refused: true }, lastedMs: 10 };
  expect(await pausesAfter(later, never, unknown)).toEqual([21_000, 300_000, 300_000]);
});
