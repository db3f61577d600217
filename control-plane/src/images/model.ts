import type { Descriptor } from "./documents.ts";

export type CacheState = "fetching" | "ready" | "failed";

/** What names one image of the cache. */
export interface ImageKey {
  /**
   * Registry and repository that it is fetched from, e.g. `docker.io/library/nginx`: who may have it from there need not be allowed to
   * have the same bytes from elsewhere.
   */
  readonly source: string;
  /** Of the index or manifest that a revision is pinned to. */
  readonly digest: string;
  /** `linux/amd64`. */
  readonly platform: string;
}

export interface WantedImage extends ImageKey {
  /** As a revision names it. */
  readonly reference: string;
}

/** An image that the control plane keeps for its hosts, or fetches, or could not fetch. */
export interface CachedImage extends WantedImage {
  readonly state: CacheState;
  /** Why it failed, with its code; empty otherwise. */
  readonly problem: string;
  readonly code: string;
  /** Of its layers as the registry has them, each once; empty until its manifest was read. */
  readonly layers: readonly Descriptor[];
  readonly bytesDone: number;
  readonly fetchedAt?: Date;
  readonly lastUsedAt: Date;
  /** When something was last heard of its fetching. */
  readonly toldAt: Date;
}

/** Who keeps the layers of an image. */
export const imageHolder = ({ source, digest, platform }: ImageKey): string => `image:${source}@${digest}:${platform}`;

export function bytesOf(layers: readonly Descriptor[]): number {
  return layers.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
}

/** Bytes that images take together: layers that they share are there once. */
export function bytesUsed(images: readonly Pick<CachedImage, "layers">[]): number {
  return bytesOf(distinct(images.flatMap(({ layers }) => layers)));
}

export function distinct(layers: readonly Descriptor[]): Descriptor[] {
  return [...new Map(layers.map((layer) => [layer.digest, layer])).values()];
}

/**
 * The images that have to go so that `wanted` has room: first those that no desired state names, then those used longest ago. Undefined
 * when it would have none even alone.
 */
export function toEvict(
  images: readonly CachedImage[],
  wanted: { readonly image: ImageKey; readonly layers: readonly Descriptor[] },
  room: { readonly limitBytes: number; readonly isNamed: (image: CachedImage) => boolean },
): CachedImage[] | undefined {
  if (bytesOf(wanted.layers) > room.limitBytes) return undefined;
  const others = images.filter((one) => imageHolder(one) !== imageHolder(wanted.image));
  const rank = (one: CachedImage): number => (one.state === "failed" ? 0 : room.isNamed(one) ? 2 : 1);
  // What is being fetched is about to be used.
  const order = others
    .filter(({ state }) => state !== "fetching")
    .toSorted((a, b) => rank(a) - rank(b) || a.lastUsedAt.getTime() - b.lastUsedAt.getTime());
  const gone: CachedImage[] = [];
  const left = new Set(others);
  const used = (): number => bytesUsed([...left, { layers: wanted.layers }]);
  for (const image of order) {
    if (used() <= room.limitBytes) break;
    left.delete(image);
    gone.push(image);
  }
  return used() <= room.limitBytes ? gone : undefined;
}
