import { sha256Digest } from "@windflow/core";
import type { BuiltImage as BuiltImageMessage, FilePart } from "@windflow/proto/agent";
import { MAX_FILE_BYTES, MIN_PIECE_BYTES, type FileStore } from "../files/index.ts";
import { ProblemError, type Clock, type Database } from "../platform/index.ts";
import { buildsErrors } from "./errors.ts";
import { imageHolder, type BuiltImage } from "./model.ts";
import { putImage } from "./store-images.ts";

/** Takes the images that a host built, part by part. */
export interface Receiver {
  /** Ends the image before; that one is complete then. */
  begin(inputDigest: string, message: BuiltImageMessage): Promise<void>;
  part(part: FilePart): Promise<void>;
  /** The image that was begun is complete: undefined when none was. Throws when it is not whole. */
  complete(): Promise<BuiltImage | undefined>;
}

/** A host, or what is in its place, sent something that does not fit together. */
export class WrongImage extends Error {
  override readonly name = "WrongImage";
}

const MAXIMUM_CONFIG_BYTES = 4 * 1024 * 1024;
const MAXIMUM_LAYERS = 500;
const DIGEST = /^sha256:[0-9a-f]{64}$/;
// Operating system, processor and perhaps its variant.
const PLATFORM = /^[a-z0-9]{1,32}\/[a-z0-9_]{1,32}(\/[a-z0-9.]{1,32})?$/;

export function createReceiver(
  parts: { readonly database: Database; readonly clock: Clock; readonly files: FileStore },
  organizationId: string,
): Receiver {
  const { database, clock, files } = parts;
  let current: BuiltImage | undefined;
  let expected = new Set<string>();

  return {
    begin: async (inputDigest, message) => {
      const image = checked(inputDigest, message, clock.now());
      await files.write(organizationId, message.config);
      expected = new Set(image.layers.map(({ digest }) => digest));
      current = image;
    },
    part: async ({ digest, sizeBytes, offset, content }) => {
      if (!expected.has(digest)) throw new WrongImage(`a part of ${digest}, which is no layer of the image`);
      const isLast = Number(offset) + content.length >= Number(sizeBytes);
      if (!isLast && content.length < MIN_PIECE_BYTES) throw new WrongImage(`a part of ${digest} is too small`);
      await files.put(organizationId, { digest, sizeBytes: Number(sizeBytes), offset: Number(offset), content });
    },
    complete: async () => {
      const image = current;
      if (image === undefined) return undefined;
      current = undefined;
      return database.inOrganization(organizationId, async (tx) => {
        // Of layers that the host did not send the sizes are known here.
        const sizes = await files.sizesOf(tx, [...expected]);
        const layers = image.layers.map(({ digest }) => {
          const sizeBytes = sizes.get(digest);
          if (sizeBytes === undefined) throw new WrongImage(`the layer ${digest} did not come`);
          return { digest, sizeBytes };
        });
        const whole = { ...image, layers };
        const holder = imageHolder(image.inputDigest);
        await files.release(tx, holder);
        await files.hold(tx, { id: holder }, [...new Set([image.configDigest, ...expected])]);
        await putImage(tx, organizationId, whole);
        return whole;
      });
    },
  };
}

function checked(inputDigest: string, message: BuiltImageMessage, builtAt: Date): BuiltImage {
  const { config, configDigest, manifestDigest, platform, layerDigests, layerSizes } = message;
  if (config.length > MAXIMUM_CONFIG_BYTES) throw new WrongImage("its configuration is too large");
  if (layerDigests.length > MAXIMUM_LAYERS || layerDigests.length !== layerSizes.length)
    throw new WrongImage(`it has ${layerDigests.length} layers`);
  if (!DIGEST.test(manifestDigest)) throw new WrongImage("its manifest has no digest");
  if (!PLATFORM.test(platform)) throw new WrongImage("its platform is none");
  if (sha256Digest(config) !== configDigest) throw new WrongImage("its configuration is another one");
  if (diffIdsOf(config).join() !== layerDigests.join())
    throw new WrongImage("its layers are not those of its configuration");
  const layers = layerDigests.map((digest, i) => ({ digest, sizeBytes: Number(layerSizes[i] ?? 0n) }));
  const largest = Math.max(0, ...layers.map(({ sizeBytes }) => sizeBytes));
  if (largest > MAX_FILE_BYTES) {
    const detail = `a layer of the image has ${Math.ceil(largest / 1024 ** 2)} MiB, and ${MAX_FILE_BYTES / 1024 ** 2} MiB are allowed: divide the instruction of the Dockerfile that makes it`;
    throw new ProblemError({ code: buildsErrors.WF_BUILD_TOO_LARGE, detail });
  }
  return {
    inputDigest,
    platform,
    configDigest,
    configSizeBytes: config.length,
    manifestDigest,
    layers,
    sizeBytes: layers.reduce((sum, { sizeBytes }) => sum + sizeBytes, config.length),
    builtAt,
  };
}

function diffIdsOf(config: Uint8Array): readonly unknown[] {
  try {
    const { rootfs } = JSON.parse(Buffer.from(config).toString("utf8")) as { rootfs?: { diff_ids?: unknown[] } };
    return rootfs?.diff_ids ?? [];
  } catch (cause) {
    throw new WrongImage("its configuration is no JSON", { cause });
  }
}

/** What went wrong with an image, in words; undefined when it was something else. */
export function receivingProblem(error: unknown): string | undefined {
  if (error instanceof WrongImage) return `What the host sent is no whole image: ${error.message}.`;
  if (error instanceof ProblemError) return `${error.code.code}: ${error.detail}`;
  return undefined;
}
