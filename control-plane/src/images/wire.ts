import type { ImageCache } from "@windflow/proto/api";
import type { ImagesService } from "./service.ts";
import { bytesOf } from "./model.ts";

/** The cache as the API shows it. */
export function cacheMessage({
  images,
  bytesUsed,
  bytesLimit,
}: Awaited<ReturnType<ImagesService["cache"]>>): ImageCache {
  return {
    bytesUsed: BigInt(bytesUsed),
    bytesLimit: BigInt(bytesLimit),
    images: images.map((image) => ({
      reference: image.reference,
      digest: image.digest,
      platform: image.platform,
      sizeBytes: BigInt(bytesOf(image.layers)),
      fetchedAt: image.fetchedAt,
      lastUsedAt: image.lastUsedAt,
      state: image.state,
      problem: image.problem,
    })),
  };
}
