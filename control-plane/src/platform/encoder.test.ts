import { ControlFrame } from "@windflow/proto/agent";
import { expect, test } from "vitest";
import { encoderOf } from "./encoder.ts";

const frame = (message: string): ControlFrame => ({
  id: 1n,
  ack: 2n,
  kind: { $case: "error", value: { code: "WF_X", message, frameId: 3n } as never },
});

test("messages are the same bytes as with a writer each, after a large one and after one that cannot be encoded", () => {
  const encode = encoderOf(ControlFrame);
  const right = (message: string): void => {
    expect(Buffer.from(encode(frame(message)))).toEqual(Buffer.from(ControlFrame.encode(frame(message)).finish()));
  };
  right("short");
  right("longer ".repeat(100));
  right("short");
  const kept = encode(frame("mine"));
  right("x".repeat(200_000));
  expect(() => encode({ ...frame("broken"), ack: "no number" as never })).toThrow();
  right("short");
  expect(ControlFrame.decode(kept)).toEqual(ControlFrame.decode(ControlFrame.encode(frame("mine")).finish()));
});
