import type { AgentFrame } from "@windflow/proto/agent";
import { expect, test } from "vitest";
import { type AgentKind, createOutgoing } from "./outgoing.ts";

const progress = (step: string): AgentKind => ({
  $case: "progress",
  value: { stackId: "", revision: 0, service: "", step, phase: "", problem: "", pull: undefined },
});
const heartbeat = (problem: string): AgentKind => ({
  $case: "heartbeat",
  value: { agentTime: undefined, engineOk: true, engineProblem: problem },
});
const reply = (requestId: string): AgentKind => ({ $case: "actionReply", value: { requestId, problem: "" } });

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
  const outgoing = createOutgoing(sink);
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
  const outgoing = createOutgoing(slowSink());
  const taken = Array.from({ length: 2_000 }, (_, i) => outgoing.send(reply(String(i)))).filter(Boolean);
  expect(taken).toHaveLength(1_025);
  expect(outgoing.dropped).toBe(975);
});
