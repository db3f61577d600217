import type { ContentStore, WantedContent } from "../files/content-store.ts";
import type { Clock } from "../platform/clock.ts";

// A rollout in waves over a site ends within a day, and a host that was away asks then.
const KEPT_MS = 24 * 3_600_000;
const MOST_KEPT_BYTES = 2 * 1024 * 1024 * 1024;
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
    let bytes = 0;
    for (const { digest, sizeBytes, at } of newestFirst) {
      bytes += sizeBytes;
      if (clock.now() - at <= KEPT_MS && bytes <= MOST_KEPT_BYTES) busy.add(digest);
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
