import { createReadStream } from "node:fs";
import { pipeline } from "node:stream";
import { createZstdDecompress } from "node:zlib";
import type { FetchImageRequest, FetchImageResponse } from "@windflow/proto/agent";
import { repositoryOf } from "@windflow/core";
import type { BuildsEngine } from "../engines/builds-engine.ts";
import type { ContentStore } from "../files/content-store.ts";
import { lackOfRoom } from "../files/room.ts";
import { type Clock, pause } from "../platform/clock.ts";
import { type Log, reasonOf } from "../platform/log.ts";
import { EngineError, type PulledImage, type PullProgress } from "../reconcile/engine.ts";
import { type RegistryImage, type RegistryLayer, readDelivered } from "./delivered-documents.ts";
import { fetchLayer, isFinal, type LayerSources } from "./fetch-layers.ts";
import type { KnownImages } from "./known-images.ts";
import { registryArchive } from "./registry-archive.ts";

export interface DeliverEngine extends Pick<BuildsEngine, "allLayers" | "imageFolder" | "imageLayers" | "loadImage"> {
  tagImage(imageId: string, repository: string, tag: string): Promise<void>;
}

export interface DeliverParts {
  readonly engine: DeliverEngine;
  readonly store: ContentStore;
  /** Where the store is. */
  readonly folder: string;
  readonly known: KnownImages;
  readonly sources: LayerSources;
  readonly clock: Clock;
  readonly log: Log;
  /** Asks the control plane; undefined while there is no session. */
  ask(): ((request: FetchImageRequest) => Promise<FetchImageResponse>) | undefined;
  /** Layers that are needed on the disk, until `onEnded` with the same ones. */
  onBegun(layers: readonly RegistryLayer[]): void;
  /** The engine has them now, or the image failed and is tried again. */
  onEnded(layers: readonly RegistryLayer[], isLoaded: boolean): void;
  onTickets(tickets: FetchImageResponse["tickets"]): void;
}

/** An image that a revision is pinned to. */
export interface WantedImage {
  /** As the revision names it; the engine shall know it by that. */
  readonly reference: string;
  /** Of its index or manifest. */
  readonly digest: string;
  readonly platform: string;
}

export interface Delivery {
  /** The image if the engine has it, under the wanted name then. Asks nobody else. */
  present(wanted: WantedImage): Promise<PulledImage | undefined>;
  /**
   * Brings the image from the control plane, or from hosts of the site: only the layers that the engine lacks.
   * @throws Error with a sentence for a person.
   */
  bring(wanted: WantedImage, onProgress: (progress: PullProgress) => void, signal: AbortSignal): Promise<PulledImage>;
}

// A session comes back within seconds after a cut or a start; after this it is told that there is none, and the step is tried again.
const NO_ANSWER_MS = 15_000;
const AGAIN_MS = 1_000;
// While it loads, an engine has a copy of its own of what it is given, beside what that unpacks to: how much is not known before; twice
// the packed size is what images have.
const TAKEN_BY_ENGINE = 3;

export function createDelivery(parts: DeliverParts): Delivery {
  const { engine, store, known, clock, log } = parts;

  async function named(id: string, wanted: WantedImage): Promise<PulledImage | undefined> {
    const found = await engine.imageLayers(id);
    if (found === undefined) return undefined;
    if (!wanted.reference.includes("@")) {
      const repository = repositoryOf(wanted.reference);
      await engine.tagImage(found.id, repository, wanted.reference.slice(repository.length + 1) || "latest");
    }
    return { id: found.id, digests: found.digests };
  }

  /** Asks until the control plane has the image, or says that it cannot. */
  async function documentsOf(
    wanted: WantedImage,
    onProgress: (progress: PullProgress) => void,
    signal: AbortSignal,
  ): Promise<RegistryImage> {
    let heardAt = clock.now();
    for (;;) {
      signal.throwIfAborted();
      let reason = "there is no connection to the control plane";
      let againMs = AGAIN_MS;
      try {
        const answer = await parts.ask()?.({ ...wanted });
        if (answer !== undefined) {
          heardAt = clock.now();
          if (answer.problem !== "") throw new DeliveryRefusal(wanted.reference, answer);
          if (answer.documents.length > 0) {
            parts.onTickets(answer.tickets);
            return readDelivered(wanted.digest, answer.documents);
          }
          onProgress({ layersDone: 0, layersTotal: 0, bytesDone: 0, bytesTotal: Number(answer.bytesTotal) });
          againMs = Math.max(answer.retryAfterMs, 1);
        }
      } catch (error) {
        if (error instanceof DeliveryRefusal || !isTransport(error)) throw error;
        if (isFinal(error))
          throw new DeliveryRefusal(wanted.reference, { problem: reasonOf(error), code: "WF_IMAGE_NOT_DESIRED" });
        reason = reasonOf(error);
      }
      if (clock.now() - heardAt > NO_ANSWER_MS)
        throw new Error(`The image ${wanted.reference} is to come from the control plane, and ${reason}.`);
      await pause(clock, againMs, signal);
    }
  }

  /** @param unpack layers that an old engine does not unpack: it gets their tars */
  async function load(
    from: number,
    image: RegistryImage,
    { wanted, onProgress, signal }: Loading,
    unpack: readonly RegistryLayer[] = [],
  ): Promise<PulledImage | string> {
    const layers = image.layers.slice(from);
    await bringLayers(layers, image, { wanted, onProgress, signal });
    const sent = new Set(layers.map(({ digest }) => digest));
    const unpacked = new Map<string, number>();
    for (const { digest } of unpack) unpacked.set(digest, await tarBytes(store.pathOf(digest)));
    const archive = registryArchive(image, {
      reference: wanted.reference,
      contentOf: (digest) => {
        if (!sent.has(digest)) return undefined;
        return unpacked.has(digest) ? openTar(store.pathOf(digest)) : createReadStream(store.pathOf(digest));
      },
      unpacked,
    });
    try {
      await engine.loadImage(archive, signal);
    } catch (error) {
      signal.throwIfAborted();
      return `The engine did not take the image ${wanted.reference}: ${reasonOf(error)}`;
    }
    // The containerd store answers success for what it could not unpack.
    for (const id of [image.topDigest, image.manifestDigest, image.configDigest]) {
      const found = await engine.imageLayers(id);
      if (found !== undefined && sameLayers(found.layers, image)) return { id: found.id, digests: found.digests };
    }
    return `The engine took the image ${wanted.reference}, but does not have all of it.`;
  }

  async function bringLayers(
    layers: readonly RegistryLayer[],
    image: RegistryImage,
    { wanted, onProgress, signal }: Loading,
  ): Promise<void> {
    const each = [...new Map(layers.map((layer) => [layer.digest, layer])).values()];
    const missing = each.reduce((sum, layer) => sum + store.missingBytes(layer), 0);
    const packed = each.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    const lack = lackOfRoom([
      { folder: parts.folder, bytes: missing },
      { folder: await engine.imageFolder(), bytes: TAKEN_BY_ENGINE * packed },
    ]);
    if (lack !== undefined) throw new Error(`The image ${wanted.reference} ${lack}. Free some, and it is tried again.`);
    let bytesDone = packed - missing;
    let layersDone = image.layers.length - layers.length;
    const tell = (): void =>
      onProgress({
        layersDone,
        layersTotal: image.layers.length,
        bytesDone: Math.min(bytesDone, packed),
        bytesTotal: packed,
      });
    const onBytes = (count: number): void => {
      bytesDone += count;
      tell();
    };
    tell();
    for (const layer of each) {
      if (!store.has(layer)) await fetchLayer(layer, { store, sources: parts.sources, clock, signal, onBytes });
      layersDone++;
      tell();
    }
  }

  const idsOf = ({ digest, platform }: WantedImage): string[] => {
    const config = known.configOf(digest, platform);
    return config === undefined ? [digest] : [digest, config];
  };
  const present: Delivery["present"] = async (wanted) => {
    for (const id of idsOf(wanted)) {
      const found = await named(id, wanted);
      if (found !== undefined) return found;
    }
    return undefined;
  };

  return {
    present,
    bring: async (wanted, onProgress, signal) => {
      const image = await documentsOf(wanted, onProgress, signal);
      known.note(wanted.digest, wanted.platform, image.configDigest);
      const there = await present(wanted);
      if (there !== undefined) return there;
      const loading = { wanted, onProgress, signal };
      const have = layersThere(await engine.allLayers(), image);
      parts.onBegun(image.layers);
      let loaded: PulledImage | string = "";
      try {
        const zstd = image.layers.filter(({ isZstd }) => isZstd);
        // Each brings at most what the one before it lacked.
        for (const from of have > 0 ? [have, 0] : [0])
          for (const unpack of zstd.length > 0 ? [[], zstd] : [[]]) {
            if (typeof loaded !== "string") break;
            if (loaded !== "")
              log("info", "The engine could not use what it was given; it gets it in another way.", { reason: loaded });
            loaded = await load(from, image, loading, unpack);
          }
      } finally {
        parts.onEnded(image.layers, typeof loaded !== "string");
      }
      if (typeof loaded === "string") throw new Error(loaded);
      return loaded;
    },
  };
}

interface Loading {
  readonly wanted: WantedImage;
  readonly onProgress: (progress: PullProgress) => void;
  readonly signal: AbortSignal;
}

/** The control plane's own sentence. */
export class DeliveryRefusal extends EngineError {
  override readonly name = "DeliveryRefusal";
  readonly code: string;
  readonly #reference: string;
  readonly #answer: Pick<FetchImageResponse, "problem" | "code">;

  constructor(reference: string, answer: Pick<FetchImageResponse, "problem" | "code">, before = "") {
    const { problem, code } = answer;
    super(`${before}The image ${reference} does not come from the control plane: ${problem} (${code})`, REFUSED);
    this.code = code;
    this.#reference = reference;
    this.#answer = answer;
  }

  /** The same, with why the control plane was asked at all. */
  after(why: string): DeliveryRefusal {
    return new DeliveryRefusal(this.#reference, this.#answer, `${why}. `);
  }

  override get final(): boolean {
    return FINAL_CODES.has(this.code);
  }
}

// As the status of an engine that answers: it is there.
const REFUSED = 502;
/** Somebody has to change something elsewhere. */
const FINAL_CODES: ReadonlySet<string> = new Set([
  "WF_REGISTRY_UNAUTHORIZED",
  "WF_REGISTRY_REFUSED",
  "WF_IMAGE_NOT_FOUND",
  "WF_IMAGE_PLATFORM",
  "WF_IMAGE_UNSUPPORTED",
  "WF_IMAGE_CACHE_FULL",
]);

// A call that failed on its way has a status; what we ourselves refuse has none.
function isTransport(error: unknown): boolean {
  return error instanceof Error && "code" in error && typeof error.code === "number";
}

/** How many of the image's layers, from the base up, the engine has. */
function layersThere(chains: readonly (readonly string[])[], image: RegistryImage): number {
  const depths = chains.map((chain) => {
    const differs = image.layers.findIndex(({ diffId }, i) => chain[i] !== diffId);
    return differs < 0 ? image.layers.length : differs;
  });
  return Math.max(0, ...depths);
}

function openTar(path: string): AsyncIterable<Buffer> {
  // A failure on either side is seen by whoever reads.
  return pipeline(createReadStream(path), createZstdDecompress(), () => undefined);
}

/** An archive says the size of an entry before the entry, and a compressed layer does not say what it unpacks to. */
async function tarBytes(path: string): Promise<number> {
  let bytes = 0;
  for await (const piece of openTar(path)) bytes += piece.length;
  return bytes;
}

function sameLayers(layers: readonly string[], image: RegistryImage): boolean {
  return layers.length === image.layers.length && image.layers.every(({ diffId }, i) => diffId === layers[i]);
}
