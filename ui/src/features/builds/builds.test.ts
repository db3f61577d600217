import type { ApiClient, BuildEvent } from "@windflow/proto/client";
import { ApiError } from "@windflow/proto/client";
import { describe, expect, test } from "vitest";
import { plainText } from "../logs/ansi.ts";
import type { BufferedLine } from "../logs/log-buffer.ts";
import { buildSeconds, isBuilding } from "./build-state.ts";
import { buildLines } from "./watch-build.ts";

const running = { id: "b", state: "STATE_RUNNING" as const, services: [{ service: "web" }, { service: "api" }] };
const done = { ...running, state: "STATE_SUCCEEDED" as const };

/** A control plane whose streams are these, one after the other; an error breaks the stream. */
async function follow(streams: (BuildEvent | Error)[][]) {
  const lines: BufferedLine[] = [];
  const states: string[] = [];
  let dropped = 0;
  let opened = 0;
  const api = {
    builds: {
      async *watchBuild() {
        for (const event of streams[opened++] ?? []) {
          if (event instanceof Error) throw event;
          yield { id: undefined, message: event };
        }
      },
    },
  } as unknown as Pick<ApiClient, "builds">;
  const read = buildLines(
    api,
    { organization: "org_1", buildId: "b" },
    { onBuild: ({ state = "" }) => states.push(state), onLine: () => undefined, retryMs: 1 },
  );
  const end = read({ tail: 0, sinceMs: undefined }, new AbortController().signal, (some, lost) => {
    lines.push(...some);
    dropped += lost;
  });
  return { end, lines, states, opened: () => opened, dropped: () => dropped };
}

describe("the output of a build", () => {
  test("names the service of each line, and ends with the build", async () => {
    const { end, lines, states } = await follow([
      [
        { sequence: "1", build: running },
        { sequence: "2", line: "FROM x", service: "web", at: "2026-11-22T12:00:00Z" },
        { sequence: "3", line: "FROM y", service: "api" },
        { sequence: "4", build: done },
      ],
    ]);
    await end;
    expect(lines.map(({ text }) => plainText(text))).toEqual(["web FROM x", "api FROM y"]);
    expect(lines[0]?.at).toBe(Date.parse("2026-11-22T12:00:00Z"));
    expect(states).toEqual(["STATE_RUNNING", "STATE_SUCCEEDED"]);
  });
  test("goes on after a break without showing a line twice", async () => {
    const first = { sequence: "2", line: "one", service: "" };
    const { end, lines, opened, dropped } = await follow([
      [{ sequence: "1", build: running }, first, new ApiError({ status: 0, detail: "away" })],
      [{ sequence: "1", build: running }, first, { sequence: "5", line: "four" }, { sequence: "6", build: done }],
    ]);
    await end;
    expect([lines.map(({ text }) => text), opened(), dropped()]).toEqual([["one", "four"], 2, 2]);
  });
  test("a build that is not there is an error, not a wait", async () => {
    const { end } = await follow([[new ApiError({ status: 404, detail: "no such build" })]]);
    await expect(end).rejects.toThrow("no such build");
  });
});

test("a build lasts from its begin to its end, or to now", () => {
  const startedAt = "2026-11-22T12:00:00Z";
  const now = Date.parse("2026-11-22T12:00:30Z");
  expect([
    buildSeconds({ startedAt }, now),
    buildSeconds({ startedAt, endedAt: "2026-11-22T12:00:10Z" }, now),
    buildSeconds({}, now),
  ]).toEqual([30, 10, undefined]);
  expect([isBuilding(running), isBuilding(done), isBuilding(undefined)]).toEqual([true, false, false]);
});
