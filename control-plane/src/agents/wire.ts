import { AgentFrame, ControlFrame, type Generation } from "@windflow/proto/agent";

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

/** Encoded size of a frame, for the limits of queues. */
export function frameBytes(kind: ToAgent): number {
  return ControlFrame.encode({ id: 0n, ack: 0n, kind }).finish().length;
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
