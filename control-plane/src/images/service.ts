import type { FetchImageRequest, FetchImageResponse, LayerTicket } from "@windflow/proto/agent";
import { sha256Digest, type TicketSigner } from "@windflow/core";
import { ProblemError, type Clock, type Database, type UnitOfWork } from "../platform/index.ts";
import { readDocument } from "./documents.ts";
import { imagesErrors } from "./errors.ts";
import type { Fetching } from "./fetching.ts";
import { bytesOf, bytesUsed, imageHolder, type CachedImage, type WantedImage } from "./model.ts";
import { isPlatform } from "./platform.ts";
import { isDigest, placeOf, sourceOf } from "./reference.ts";
import { beginImage, forgetFailed, listImages, readDocuments, readImage, readKeys, updateImage } from "./store.ts";

/** A host that asks, as its certificate says. */
export interface AskingHost {
  readonly organizationId: string;
  readonly hostId: string;
  readonly keySha256: Uint8Array;
}

/** An image as a revision is pinned to it. */
export interface NamedImage {
  readonly reference: string;
  /** Of its index or manifest. */
  readonly digest: string;
}

/** Whether the host's own desired state names the image: knowing a digest gives no right. */
export type NamesImage = (tx: UnitOfWork, hostId: string, image: NamedImage) => Promise<boolean>;

export interface ImagesService {
  /** What the host's agent is answered. @throws ProblemError WF_IMAGE_NOT_DESIRED */
  imageFor(host: AskingHost, request: FetchImageRequest, isNamed: NamesImage): Promise<FetchImageResponse>;
  /** Holders of the layers of those of these images that are kept, for whatever platform. */
  holdersOf(tx: UnitOfWork, images: readonly NamedImage[]): Promise<string[]>;
  /** What a tag stands for, asked of its registry from here. @throws ProblemError WF_REGISTRY_*, WF_IMAGE_* */
  resolve(organizationId: string, reference: string, signal: AbortSignal): Promise<string>;
  /** Those used last first, with the room that they take together. */
  cache(organizationId: string): Promise<{ images: CachedImage[]; bytesUsed: number; bytesLimit: number }>;
}

// Long enough that a fleet's hosts hear the failure, short enough that a registry that is back is asked soon.
const FAILED_KEPT_MS = 15_000;
// A fetch tells of itself each second; its job is taken over by another control plane within 30 s.
const SILENT_MS = 60_000;
const ASK_AGAIN_MS = 1_000;
// Of a fetch that takes long a fleet need not ask each second; less than an agent's patience without an answer.
const MOST_ASK_AGAIN_MS = 5_000;
const ASK_AGAIN_PART = 10;
// Reading what was used changes a row at most this often.
const USED_AGAIN_MS = 60_000;
// As long as hosts keep layers for others: on a slow line one that waits for another waits for hours.
const TICKET_MS = 24 * 3_600_000;
const MOST_SHOWN = 500;
const MOST_PLATFORM_CHARACTERS = 50;
// What could not be fetched, and nobody asks for any more.
const FORGOTTEN_MS = 7 * 24 * 3_600_000;

export function createImagesService(parts: {
  readonly database: Database;
  readonly clock: Clock;
  readonly fetching: Fetching;
  readonly limitBytes: number;
  readonly signerOf: (organizationId: string) => TicketSigner;
}): ImagesService {
  const { database, clock, fetching, limitBytes, signerOf } = parts;

  function ticketsFor(host: AskingHost, image: CachedImage): LayerTicket[] {
    const signer = signerOf(host.organizationId);
    const expiresAt = clock.now().getTime() + TICKET_MS;
    return image.layers.map(({ digest }) => ({
      digest,
      ticket: signer.sign({ keySha256: host.keySha256, digest, expiresAt }),
    }));
  }

  async function begin(organizationId: string, image: WantedImage): Promise<void> {
    const now = clock.now();
    const before = (ms: number): Date => new Date(now.getTime() - ms);
    const at = { now, failedBefore: before(FAILED_KEPT_MS), silentBefore: before(SILENT_MS) };
    await database.inOrganization(organizationId, async (tx) => {
      if (!(await beginImage(tx, organizationId, image, at))) return;
      await forgetFailed(tx, organizationId, before(FORGOTTEN_MS));
      await fetching.enqueue(tx, organizationId, image);
    });
  }

  async function use(organizationId: string, image: CachedImage): Promise<void> {
    const now = clock.now();
    if (now.getTime() - image.lastUsedAt.getTime() < USED_AGAIN_MS) return;
    await database.inOrganization(organizationId, (tx) => updateImage(tx, organizationId, image, { lastUsedAt: now }));
  }

  return {
    imageFor: async (host, { reference, digest, platform }, isNamed) => {
      const { organizationId, hostId } = host;
      const place = placeOf(reference);
      const wanted = { source: place === undefined ? "" : sourceOf(place), reference, digest, platform };
      if (!isDigest(digest))
        throw new ProblemError({ code: imagesErrors.WF_IMAGE_NOT_DESIRED, detail: "the request names no image" });
      const found = await database.inOrganization(
        organizationId,
        async (tx) => {
          if (!(await isNamed(tx, hostId, wanted))) throw new ProblemError({ code: imagesErrors.WF_IMAGE_NOT_DESIRED });
          const known = await readImage(tx, organizationId, wanted);
          return { known, documents: await readDocuments(tx, organizationId, wanted) };
        },
        { readOnly: true },
      );
      if (place === undefined)
        return { ...NOTHING, problem: unnamed(reference), code: imagesErrors.WF_IMAGE_UNSUPPORTED.code };
      if (!isPlatform(platform)) {
        const problem = `no host is of the platform "${platform.slice(0, MOST_PLATFORM_CHARACTERS)}"`;
        return { ...NOTHING, problem, code: imagesErrors.WF_IMAGE_PLATFORM.code };
      }
      const { known, documents } = found;
      if (known !== undefined && documents !== undefined) {
        await use(organizationId, known);
        return { ...NOTHING, documents, ...progressOf(known), tickets: ticketsFor(host, known) };
      }
      const now = clock.now().getTime();
      const silentMs = now - (known?.toldAt.getTime() ?? 0);
      if (known?.state === "failed" && silentMs < FAILED_KEPT_MS)
        return { ...NOTHING, problem: known.problem, code: known.code };
      // Whoever waits writes nothing: thousands may, and it is one row.
      if (known?.state !== "fetching" || silentMs > SILENT_MS) await begin(organizationId, wanted);
      return { ...NOTHING, retryAfterMs: askAgainMs(known, now), ...progressOf(known) };
    },
    holdersOf: async (tx, named) => {
      if (tx.organizationId === undefined) throw new TypeError("images belong to an organization");
      const wanted = new Set(
        named.flatMap(({ reference, digest }) => {
          const place = placeOf(reference);
          return place === undefined ? [] : [`${sourceOf(place)}@${digest}`];
        }),
      );
      const kept = await readKeys(
        tx,
        tx.organizationId,
        named.map(({ digest }) => digest),
      );
      return kept.filter(({ source, digest }) => wanted.has(`${source}@${digest}`)).map(imageHolder);
    },
    resolve: async (organizationId, reference, signal) => {
      const place = placeOf(reference);
      if (place === undefined)
        throw new ProblemError({ code: imagesErrors.WF_IMAGE_UNSUPPORTED, detail: unnamed(reference) });
      const bytes = await (await fetching.clientFor(organizationId, place, signal)).document(place.version);
      const digest = sha256Digest(bytes);
      // A page of a proxy is no manifest.
      readDocument(bytes, digest);
      return digest;
    },
    cache: (organizationId) =>
      database.inOrganization(
        organizationId,
        async (tx) => {
          const images = await listImages(tx, organizationId, MOST_SHOWN);
          return { images, bytesUsed: bytesUsed(images), bytesLimit: limitBytes };
        },
        { readOnly: true },
      ),
  };
}

/** While it is fetched it was used last when that began. */
function askAgainMs(known: CachedImage | undefined, now: number): number {
  const waitedMs = known?.state === "fetching" ? now - known.lastUsedAt.getTime() : 0;
  return Math.round(Math.min(MOST_ASK_AGAIN_MS, Math.max(ASK_AGAIN_MS, waitedMs / ASK_AGAIN_PART)));
}

function unnamed(reference: string): string {
  return `"${reference}" is no reference that a registry can be asked for`;
}

const NOTHING: FetchImageResponse = {
  documents: [],
  retryAfterMs: 0,
  problem: "",
  code: "",
  bytesDone: 0n,
  bytesTotal: 0n,
  tickets: [],
};

function progressOf(image: CachedImage | undefined): Pick<FetchImageResponse, "bytesDone" | "bytesTotal"> {
  const total = bytesOf(image?.layers ?? []);
  return { bytesDone: BigInt(Math.min(image?.bytesDone ?? 0, total)), bytesTotal: BigInt(total) };
}
