import type { AgentFrame } from "@windflow/proto/agent";
import { expect, test } from "vitest";
import { createShaper } from "../link/index.ts";
import { createTestClock } from "../testing/test-clock.ts";
import { systemClock } from "../platform/clock.ts";
import { type AgentKind, createOutgoing } from "./outgoing.ts";

const progress = (step: string): AgentKind => ({
  $case: "progress",
  value: { stackId: "", revision: 0, service: "", step, phase: "", problem: "", pull: undefined },
});
const heartbeat = (problem: string): AgentKind => ({
  $case: "heartbeat",
  value: { agentTime: undefined, engineOk: true, engineProblem: problem },
});
const batch = (dropped: bigint): AgentKind => ({ $case: "spoolBatch", value: { spoolId: "s", entries: [], dropped } });
const reply = (requestId: string): AgentKind => ({ $case: "actionReply", value: { requestId, problem: "" } });

const open = new AbortController().signal;

function slowSink(): {
  frames: AgentFrame[];
  open: boolean;
  drain: () => void;
  write: (f: AgentFrame) => boolean;
  onDrain: (c: () => void) => void;
} {
  const sink = {
    frames: [] as AgentFrame[],
    open: false,
    drain: (): void => undefined,
    write: (frame: AgentFrame): boolean => {
      sink.frames.push(frame);
      return sink.open;
    },
    onDrain: (callback: () => void): void => {
      sink.drain = callback;
    },
  };
  return sink;
}

test("a slow link gets the newest heartbeat, every reply and the last 256 steps of progress, in ids without gaps", () => {
  const sink = slowSink();
  const outgoing = createOutgoing(sink, createShaper(systemClock), open);
  outgoing.send(reply("first"));
  for (let i = 0; i < 300; i++) outgoing.send(progress(`step ${i}`));
  outgoing.send(heartbeat("old"));
  outgoing.send(heartbeat("new"));
  outgoing.send(reply("second"));
  outgoing.acknowledge(7n);
  outgoing.acknowledge(5n);
  expect(sink.frames).toHaveLength(1);
  sink.open = true;
  sink.drain();
  expect(sink.frames.map((frame) => frame.id)).toEqual(sink.frames.map((_, i) => BigInt(i + 1)));
  expect(sink.frames[1]).toMatchObject({ ack: 7n, kind: { value: { engineProblem: "new" } } });
  expect(sink.frames[2]).toMatchObject({ kind: { value: { requestId: "second" } } });
  expect(sink.frames[3]).toMatchObject({ kind: { value: { step: "step 44" } } });
  expect(sink.frames).toHaveLength(1 + 2 + 256);
  expect(outgoing.dropped).toBe(44);
});

test("a flood of requests cannot grow the queue without bound", () => {
  const outgoing = createOutgoing(slowSink(), createShaper(systemClock), open);
  const taken = Array.from({ length: 2_000 }, (_, i) => outgoing.send(reply(String(i)))).filter(Boolean);
  expect(taken).toHaveLength(1_025);
  expect(outgoing.dropped).toBe(975);
});

test("a class waits for its own limit only: control goes past metrics that are stopped, heartbeats past a limit of control", async () => {
  const sink = slowSink();
  sink.open = true;
  const clock = createTestClock();
  const shaper = createShaper(clock);
  shaper.setLimits(
    new Map([
      ["metrics", 0],
      ["control", 1_000],
    ]),
  );
  const outgoing = createOutgoing(sink, shaper, open);
  const sent = (): string[] => sink.frames.map(({ kind }) => kind?.$case ?? "");
  await clock.advance(1_000);
  outgoing.send(batch(1n));
  outgoing.send(batch(2n));
  outgoing.send(reply("first"));
  shaper.spend("control", "sent", 5_000);
  outgoing.send(reply("second"));
  outgoing.send(heartbeat("now"));
  expect(sent()).toEqual(["actionReply", "heartbeat"]);
  await clock.advance(4_500);
  expect(sent()).toEqual(["actionReply", "heartbeat", "actionReply"]);
  shaper.setLimits(new Map());
  await clock.advance(1);
  expect(sent()).toEqual(["actionReply", "heartbeat", "actionReply", "spoolBatch", "spoolBatch"]);
});

test("a session that is over leaves nothing behind that waits for a limit, and sends nothing more", async () => {
  const clock = createTestClock();
  const shaper = createShaper(clock);
  shaper.setLimits(new Map([["metrics", 0]]));
  const sink = slowSink();
  sink.open = true;
  const ended = new AbortController();
  createOutgoing(sink, shaper, ended.signal).send(batch(1n));
  ended.abort();
  await clock.advance(1);
  shaper.setLimits(new Map());
  await clock.advance(1);
  expect(sink.frames).toEqual([]);
  // Nobody stands before the next session.
  expect(shaper.isReady("metrics", "sent")).toBe(true);
});
