import { LINK_CLASSES, type LinkClass } from "@windflow/core";
import type { LinkUsage } from "@windflow/proto/agent";
import type { Clock } from "../platform/clock.ts";
import { type Bucket, createBucket } from "./bucket.ts";

export type Direction = "sent" | "received";

/**
 * Counts what the connection carries, and holds each class to its limit. The bytes are those of messages: neither the framing of
 * HTTP/2, TLS and TCP, nor what is sent again after a loss.
 */
export interface Shaper {
  /** Of each class that has one; a class only waits for itself. */
  setLimits(limits: ReadonlyMap<LinkClass, number>): void;
  /** undefined: unlimited; 0: stopped. */
  limitOf(name: LinkClass): number | undefined;
  /** Something of the class may go now. */
  isReady(name: LinkClass, direction: Direction): boolean;
  /** undefined when something may go now; else resolves at its turn, after `mostMs`, or when the signal aborts. */
  wait(name: LinkClass, direction: Direction, signal?: AbortSignal, mostMs?: number): Promise<void> | undefined;
  /** Counts what went, and charges it. */
  spend(name: LinkClass, direction: Direction, bytes: number): void;
  /** Counts layers that came from another host of the site; they do not use the link and wait for nothing. */
  fromPeer(bytes: number): void;
  /** Since the agent's start; all classes. */
  usage(): LinkUsage[];
}

interface Lane {
  readonly bucket: Bucket;
  bytes: number;
}

export function createShaper(clock: Clock): Shaper {
  const lane = (): Lane => ({ bucket: createBucket(clock), bytes: 0 });
  const lanes: Record<LinkClass, Record<Direction, Lane>> = {
    control: { sent: lane(), received: lane() },
    metrics: { sent: lane(), received: lane() },
    logs: { sent: lane(), received: lane() },
    layers: { sent: lane(), received: lane() },
  };
  let peerBytes = 0;
  return {
    setLimits: (limits) => {
      for (const name of LINK_CLASSES)
        for (const { bucket } of Object.values(lanes[name])) bucket.setLimit(limits.get(name));
    },
    limitOf: (name) => lanes[name].sent.bucket.bytesPerSecond,
    isReady: (name, direction) => lanes[name][direction].bucket.isReady,
    wait: (name, direction, signal, mostMs) => {
      const { bucket } = lanes[name][direction];
      if (mostMs === undefined) return bucket.wait(signal);
      const over = new AbortController();
      const turn = bucket.wait(signal === undefined ? over.signal : AbortSignal.any([over.signal, signal]));
      const cancel = turn && clock.after(mostMs, () => over.abort());
      return turn?.finally(cancel);
    },
    spend: (name, direction, bytes) => {
      const { [direction]: used } = lanes[name];
      used.bytes += bytes;
      used.bucket.spend(bytes);
    },
    fromPeer: (bytes) => {
      peerBytes += bytes;
    },
    usage: () =>
      LINK_CLASSES.map((name) => ({
        class: name,
        bytesSent: BigInt(lanes[name].sent.bytes),
        bytesReceived: BigInt(lanes[name].received.bytes),
        bytesFromPeers: BigInt(name === "layers" ? peerBytes : 0),
      })),
  };
}
