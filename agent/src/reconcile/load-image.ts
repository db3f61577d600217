import { createReadStream } from "node:fs";
import { readFile } from "node:fs/promises";
import type { DeliveredImage } from "@windflow/core";
import { imageArchive } from "../builds/oci-archive.ts";
import type { BuildsEngine } from "../engines/builds-engine.ts";
import { type ContentSource, type ContentStore, openContentStore } from "../files/content-store.ts";
import { lackOfRoom } from "../files/room.ts";
import { type Log, reasonOf } from "../platform/log.ts";
import type { PulledImage, PullProgress } from "./engine.ts";
import type { LoadImagePort } from "./options.ts";

const CONFIG_BYTES = 4 * 1024 * 1024;

export interface LoadImageParts {
  readonly engine: Pick<BuildsEngine, "allLayers" | "imageFolder" | "imageLayers" | "loadImage">;
  /** For layers on their way; what an earlier agent fetched of them is gone on with. */
  readonly folder: string;
  /** undefined while there is no control plane to ask. */
  source(): ContentSource | undefined;
  readonly log: Log;
}

/**
 * Brings built images to the engine: fetches the layers that it lacks, and loads them with the configuration. Layers count as there
 * when an image of the engine begins with the same ones; an engine that cannot use them so after all gets all of them.
 */
export function createLoadImage(parts: LoadImageParts): LoadImagePort {
  const { engine, log } = parts;
  const store = openContentStore(parts.folder);
  // Layers are shared: none is dropped that another load waits for.
  const underWay = new Set<DeliveredImage>();

  return async (_stack, step, onProgress, signal) => {
    const { delivered: image, reference } = step;
    underWay.add(image);
    try {
      store.keepOnly(new Set([...underWay].flatMap(contentsOf)));
      const have = await layersThere(engine, image);
      const load = (from: number): Promise<PulledImage | string> =>
        loadFrom(from, { ...parts, store, image, reference, onProgress, signal });
      const first = await load(have);
      if (typeof first !== "string") return first;
      if (have === 0) throw new Error(first);
      log("info", "The engine could not use the layers that it has; it gets all of them.", { reason: first });
      const whole = await load(0);
      if (typeof whole === "string") throw new Error(whole);
      return whole;
    } finally {
      underWay.delete(image);
    }
  };
}

interface Loading extends LoadImageParts {
  readonly store: ContentStore;
  readonly image: DeliveredImage;
  readonly reference: string;
  readonly onProgress: (progress: PullProgress) => void;
  readonly signal: AbortSignal;
}

/** The image as the engine has it then, or why the engine does not have it. */
async function loadFrom(from: number, loading: Loading): Promise<PulledImage | string> {
  const { engine, image, reference, store, signal } = loading;
  const layers = image.layers.slice(from);
  await fetchAll(layers, loading);
  const sent = new Set(layers.map(({ digest }) => digest));
  const archive = imageArchive(image, {
    reference,
    config: await configOf(store, image),
    contentOf: (digest) => (sent.has(digest) ? createReadStream(store.pathOf(digest)) : undefined),
  });
  try {
    await engine.loadImage(archive, signal);
  } catch (error) {
    signal.throwIfAborted();
    return `The engine did not take the image ${reference}: ${reasonOf(error)}`;
  }
  // The containerd store answers success for what it could not unpack.
  const loaded = await engine.imageLayers(reference);
  const isWhole =
    loaded !== undefined &&
    [image.configDigest, image.manifestDigest].includes(loaded.id) &&
    sameLayers(loaded.layers, image);
  if (!isWhole) return `The engine took the image ${reference}, but does not have all of it.`;
  for (const digest of contentsOf(image)) store.drop(digest);
  return { id: loaded.id, digests: loaded.digests };
}

/** How many of the image's layers, from the base up, the engine has. */
async function layersThere(engine: LoadImageParts["engine"], image: DeliveredImage): Promise<number> {
  const chains = await engine.allLayers();
  return Math.max(
    0,
    ...chains
      .map((chain) => image.layers.findIndex(({ digest }, i) => chain[i] !== digest))
      .map((index) => (index < 0 ? image.layers.length : index)),
  );
}

async function fetchAll(layers: DeliveredImage["layers"], loading: Loading): Promise<void> {
  const { engine, image, store } = loading;
  const wanted = [{ digest: image.configDigest, sizeBytes: image.configSizeBytes }, ...layers];
  const missing = wanted.reduce((sum, one) => sum + store.missingBytes(one), 0);
  const unpacked = layers.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  const lack = lackOfRoom([
    { folder: loading.folder, bytes: missing },
    // While it loads, the engine has a copy of its own of what it is given, beside what it keeps.
    { folder: await engine.imageFolder(), bytes: 2 * unpacked },
  ]);
  if (lack !== undefined) throw new Error(`The image ${loading.reference} ${lack}. Free some, and it is tried again.`);
  const bytesTotal = wanted.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  let bytesDone = bytesTotal - missing;
  let layersDone = 0;
  const tell = (): void => loading.onProgress({ layersDone, layersTotal: layers.length, bytesDone, bytesTotal });
  async function* counted(digest: string, offset: number): AsyncGenerator<Uint8Array> {
    const source = loading.source();
    if (source === undefined)
      throw new Error(
        `The layers of ${loading.reference} come from the control plane, and there is no connection to it.`,
      );
    for await (const piece of source(digest, offset)) {
      loading.signal.throwIfAborted();
      bytesDone += piece.length;
      tell();
      yield piece;
    }
  }
  tell();
  for (const one of wanted) {
    await store.fetch(one, counted);
    if (one.digest !== image.configDigest) layersDone++;
    tell();
  }
}

async function configOf(store: ContentStore, image: DeliveredImage): Promise<Buffer> {
  if (image.configSizeBytes > CONFIG_BYTES) throw new Error("the configuration of the image is too large");
  return readFile(store.pathOf(image.configDigest));
}

function contentsOf(image: DeliveredImage): string[] {
  return [image.configDigest, ...image.layers.map(({ digest }) => digest)];
}

function sameLayers(layers: readonly string[], image: DeliveredImage): boolean {
  return layers.length === image.layers.length && image.layers.every(({ digest }, i) => digest === layers[i]);
}
