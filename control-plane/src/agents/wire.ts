import { AgentFrame, ControlFrame, DesiredState, type DesiredStack, type Generation } from "@windflow/proto/agent";
import { encoderOf } from "../platform/index.ts";

/** What a frame says, apart from its numbers. */
export type FromAgent = NonNullable<AgentFrame["kind"]>;
export type ToAgent = NonNullable<ControlFrame["kind"]>;

/** A frame as it came: read, or bytes that are none. Decoding never throws, since that would end the whole session. */
export type ReceivedFrame = { readable: true; frame: AgentFrame } | { readable: false; reason: string };

export function decodeFrame(bytes: Uint8Array): ReceivedFrame {
  try {
    return { readable: true, frame: AgentFrame.decode(bytes) };
  } catch (error) {
    return { readable: false, reason: error instanceof Error ? error.message : "it cannot be decoded" };
  }
}

const encodeFrame = encoderOf(ControlFrame);
const encodeDesired = encoderOf(DesiredState);

/** What a frame says, encoded, for `encodedFrame`. */
export function encodedKind(kind: ToAgent): Uint8Array {
  return encodeFrame({ id: 0n, ack: 0n, kind });
}

// Fields of ControlFrame, as tags.
const ID = 0x08;
const ACK = 0x10;

/** A whole frame. Its numbers are known only when it is sent: the fields of a message may follow each other as they are made. */
export function encodedFrame(id: number, ack: number, kind: Uint8Array): Buffer {
  const start = 2 + bytesOfNumber(id) + bytesOfNumber(ack);
  // The last one of a session is kept until there is another: of node's pool it would hold 64 kB.
  const frame = Buffer.allocUnsafeSlow(start + kind.length);
  writeNumber(frame, writeNumber(frame, 0, ID, id), ACK, ack);
  frame.set(kind, start);
  return frame;
}

const DESIRED_STATE = 0x2a;
const encodedStacks = new WeakMap<readonly DesiredStack[], Uint8Array>();

/** A desired state as `encodedKind` gives it; a list of stacks that several hosts share is encoded once. */
export function encodedDesiredState({ term, n }: DesiredGeneration, shared: DesiredStack[]): Uint8Array {
  let stacks = encodedStacks.get(shared);
  if (stacks === undefined) {
    stacks = DesiredState.encode({ generation: undefined, stacks: shared }).finish();
    encodedStacks.set(shared, stacks);
  }
  const generation = encodeDesired({ generation: { term, n }, stacks: [] });
  const length = generation.length + stacks.length;
  const start = 1 + bytesOfNumber(length);
  const kind = Buffer.allocUnsafeSlow(start + length);
  writeNumber(kind, 0, DESIRED_STATE, length);
  kind.set(generation, start);
  kind.set(stacks, start + generation.length);
  return kind;
}

function bytesOfNumber(value: number): number {
  let bytes = 1;
  for (let rest = value; rest > 127; rest = Math.floor(rest / 128)) bytes++;
  return bytes;
}

function writeNumber(frame: Buffer, start: number, tag: number, value: number): number {
  let at = start;
  frame[at++] = tag;
  let rest = value;
  for (; rest > 127; rest = Math.floor(rest / 128)) frame[at++] = (rest % 128) + 128;
  frame[at++] = rest;
  return at;
}

export interface DesiredGeneration {
  term: bigint;
  n: bigint;
}

export function generationFromWire(generation: Generation | undefined): DesiredGeneration {
  return { term: generation?.term ?? 0n, n: generation?.n ?? 0n };
}

export function sameGeneration(left: DesiredGeneration, right: DesiredGeneration): boolean {
  return left.term === right.term && left.n === right.n;
}

/** `1.7`; empty for a host that was never told anything. */
export function generationText(generation: DesiredGeneration): string {
  return generation.term === 0n && generation.n === 0n ? "" : `${generation.term}.${generation.n}`;
}
