import type { ContentStore, WantedContent } from "../files/content-store.ts";
import type { Clock } from "../platform/clock.ts";

// A rollout in waves over a site ends within a day, and a host that was away asks then.
const KEPT_MS = 24 * 3_600_000;
// What is always kept for others; on a disk with much room a quarter of what is free, so that layers of some gigabytes come over the link once too.
const ALWAYS_KEPT_BYTES = 2 * 1024 * 1024 * 1024;
const KEPT_PART_OF_FREE = 4;
const SWEEP_MS = 3_600_000;
// What an image that failed left behind is gone on with when it is tried again: on a slow link hours of work, and the next try is minutes away.
const FAILED_KEPT_MS = 3_600_000;

/** Layers on disk: those of images under way, and for a while those that other hosts of the site may ask for. */
export interface KeptLayers {
  /** None of these goes before `ended`. */
  begun(layers: readonly WantedContent[]): void;
  ended(layers: readonly WantedContent[], isLoaded: boolean): void;
  stop(): void;
}

export function createKeptLayers(parts: {
  readonly store: ContentStore;
  readonly clock: Clock;
  /** Other hosts may ask for them. */
  readonly isShared: () => boolean;
  /** Of the file system that they are on. */
  readonly freeBytes: () => number;
}): KeptLayers {
  const { store, clock, isShared } = parts;
  const underWay: (readonly WantedContent[])[] = [];
  /** Digest → when its image failed. */
  const failed = new Map<string, number>();
  let cancel: () => void = () => undefined;

  const sweep = (): void => {
    for (const [digest, at] of failed) if (clock.now() - at >= FAILED_KEPT_MS) failed.delete(digest);
    const busy = new Set([...underWay.flat().map(({ digest }) => digest), ...failed.keys()]);
    const newestFirst = isShared() ? store.list().toSorted((a, b) => b.at - a.at) : [];
    // What is here already could be free.
    const room = (parts.freeBytes() + store.usedBytes()) / KEPT_PART_OF_FREE;
    let left = Math.max(ALWAYS_KEPT_BYTES, room);
    for (const { digest, sizeBytes, at } of newestFirst) {
      if (clock.now() - at > KEPT_MS || sizeBytes > left) continue;
      left -= sizeBytes;
      busy.add(digest);
    }
    store.keepOnly(busy);
  };
  const again = (): void => {
    cancel = clock.after(SWEEP_MS, () => {
      if (underWay.length === 0) sweep();
      again();
    });
  };
  again();
  return {
    begun: (layers) => void underWay.push(layers),
    ended: (layers, isLoaded) => {
      underWay.splice(underWay.indexOf(layers), 1);
      for (const { digest } of layers)
        if (isLoaded) failed.delete(digest);
        else failed.set(digest, clock.now());
      if (isLoaded) sweep();
    },
    stop: () => cancel(),
  };
}
