import { sizeText } from "@windflow/core";
import { filesErrors, type FileStore } from "../files/index.ts";
import {
  field,
  ProblemError,
  type Clock,
  type Database,
  type JobKind,
  type Jobs,
  type Log,
  type UnitOfWork,
} from "../platform/index.ts";
import { credentialsFor } from "../registries/index.ts";
import type { Vault } from "../secrets/index.ts";
import { fetchLayer, readContents } from "./fetch-image.ts";
import { imagesErrors } from "./errors.ts";
import { bytesOf, imageHolder, toEvict, type ImageKey, type WantedImage } from "./model.ts";
import type { Descriptor } from "./documents.ts";
import { placeOf, type ImagePlace } from "./reference.ts";
import { createRegistryClient, type RegistryClient } from "./registry-client.ts";
import type { RegistryTrust } from "./registry-http.ts";
import { lackOfDisk } from "./room.ts";
import { deleteImage, listImages, lockCache, readImage, updateImage } from "./store.ts";

type Payload = WantedImage & { readonly organizationId: string };

// The image is asked for again by the hosts that want it: a job that crashes over and over ends nevertheless.
const fetchJob: JobKind<Payload> = { kind: "images.fetch", maxAttempts: 20 };

// Of the control plane's eight jobs at once: the others are short.
const FETCHES_AT_ONCE = 3;
const BUSY_MS = 1_000;
// To compare a large layer with its digest takes longer than others wait for a word of a fetch.
const ALIVE_MS = 15_000;
// Hosts look at it while they wait, and other control planes see that the work goes on.
const TOLD_EACH_MS = 1_000;
const MOST_IMAGES = 5_000;

export interface Fetching {
  /** Part of the caller's transaction. One fetch of an image at a time, of all control planes. */
  enqueue(tx: UnitOfWork, organizationId: string, image: WantedImage): Promise<void>;
  /** The registry of a reference, asked with what the organization has for it. */
  clientFor(organizationId: string, place: ImagePlace, signal: AbortSignal): Promise<RegistryClient>;
}

export function createFetching(parts: {
  readonly database: Database;
  readonly clock: Clock;
  readonly jobs: Jobs;
  readonly log: Log;
  readonly vault: Vault;
  readonly files: FileStore;
  readonly trust: RegistryTrust;
  readonly limitBytes: number;
  /** Where the database has its files, if it is ours. */
  readonly databaseFolder: string | undefined;
  /** Digests that some desired state of the organization names. */
  namedDigests(tx: UnitOfWork): Promise<ReadonlySet<string>>;
}): Fetching {
  const { database, clock, jobs, log, vault, files, trust, limitBytes, databaseFolder } = parts;
  let running = 0;

  async function clientFor(organizationId: string, place: ImagePlace, signal: AbortSignal): Promise<RegistryClient> {
    const [credential] = await database.inOrganization(
      organizationId,
      (tx) => credentialsFor(tx, vault, [place.registry]),
      { readOnly: true },
    );
    return createRegistryClient({ place, trust, credential, signal });
  }

  /** Lets images go; returns the layers that nobody needs any more. */
  async function makeRoom(
    tx: UnitOfWork,
    organizationId: string,
    image: ImageKey,
    layers: readonly Descriptor[],
  ): Promise<string[]> {
    await lockCache(tx, organizationId);
    const images = await listImages(tx, organizationId, MOST_IMAGES);
    const named = await parts.namedDigests(tx);
    const gone = toEvict(images, { image, layers }, { limitBytes, isNamed: ({ digest }) => named.has(digest) });
    if (gone === undefined) {
      const detail = `it needs ${sizeText(bytesOf(layers))}, and the control plane has ${sizeText(limitBytes)} for all images of the organization`;
      throw new ProblemError({ code: imagesErrors.WF_IMAGE_CACHE_FULL, detail });
    }
    for (const one of gone) {
      await deleteImage(tx, organizationId, one);
      await files.release(tx, imageHolder(one));
    }
    // What is being fetched is held by nobody yet.
    const needed = new Set(
      [{ layers }, ...images.filter(({ state }) => state === "fetching")].flatMap((one) => one.layers).map(digestOf),
    );
    return gone.flatMap((one) => one.layers.map(digestOf)).filter((digest) => !needed.has(digest));
  }

  async function requireDisk(organizationId: string, layers: readonly Descriptor[]): Promise<void> {
    if (databaseFolder === undefined) return;
    const there = await database.inOrganization(
      organizationId,
      async (tx) => {
        let bytes = 0;
        for (const { digest } of layers) bytes += await files.receivedBytes(tx, digest);
        return bytes;
      },
      { readOnly: true },
    );
    const lack = await database.asSystem((tx) => lackOfDisk(tx, databaseFolder, bytesOf(layers) - there), {
      readOnly: true,
    });
    if (lack !== undefined) throw new ProblemError({ code: filesErrors.WF_FILES_DISK_FULL, detail: lack });
  }

  async function bring(image: Payload, signal: AbortSignal): Promise<void> {
    const { organizationId } = image;
    const place = placeOf(image.reference);
    if (place === undefined) {
      const detail = `"${image.reference}" is no reference that a registry can be asked for`;
      throw new ProblemError({ code: imagesErrors.WF_IMAGE_UNSUPPORTED, detail });
    }
    const client = await clientFor(organizationId, place, signal);
    const { documents, layers } = await readContents(client, image);
    const unneeded = await database.inOrganization(organizationId, async (tx) => {
      const gone = await makeRoom(tx, organizationId, image, layers);
      await updateImage(tx, organizationId, image, { layers, bytesDone: 0, toldAt: clock.now() });
      return gone;
    });
    await files.discard(organizationId, unneeded);
    await requireDisk(organizationId, layers);
    let bytesDone = 0;
    let toldMs = clock.monotonicMs();
    const onBytes = async (count: number): Promise<void> => {
      bytesDone += count;
      if (clock.monotonicMs() - toldMs < TOLD_EACH_MS) return;
      toldMs = clock.monotonicMs();
      await database.inOrganization(organizationId, (tx) =>
        updateImage(tx, organizationId, image, { bytesDone, toldAt: clock.now() }),
      );
    };
    const isOver = new AbortController();
    const alive = stayAlive(() => onBytes(0), isOver.signal);
    try {
      for (const layer of layers) await fetchLayer(layer, { client, database, files, organizationId, signal, onBytes });
    } finally {
      isOver.abort();
      await alive;
    }
    await database.inOrganization(organizationId, async (tx) => {
      await files.hold(
        tx,
        { id: imageHolder(image) },
        layers.map(({ digest }) => digest),
      );
      const now = clock.now();
      await updateImage(tx, organizationId, image, {
        state: "ready",
        documents,
        bytesDone: bytesOf(layers),
        fetchedAt: now,
        toldAt: now,
      });
    });
  }

  /** Says that the work goes on, also while nothing new comes. */
  async function stayAlive(tell: () => Promise<void>, isOver: AbortSignal): Promise<void> {
    for (;;) {
      await clock.sleep(ALIVE_MS, isOver).catch(() => undefined);
      if (isOver.aborted) return;
      // A database that is away shows in the fetch itself.
      await tell().catch(() => undefined);
    }
  }

  jobs.register(fetchJob, async ({ payload, signal }) => {
    if (running >= FETCHES_AT_ONCE) return { runAt: new Date(clock.now().getTime() + BUSY_MS) };
    const { organizationId, reference } = payload;
    running++;
    try {
      const known = await database.inOrganization(organizationId, (tx) => readImage(tx, organizationId, payload), {
        readOnly: true,
      });
      if (known?.state !== "fetching") return { done: true };
      await bring(payload, signal);
      log.info({ [field.outcome]: "ready", reference }, "An image was fetched for the hosts.");
    } catch (error) {
      if (!(error instanceof ProblemError) || signal.aborted) throw error;
      log.warn({ [field.outcome]: error.code.code, reference }, "An image could not be fetched for the hosts.");
      const failed = { state: "failed", problem: error.detail, code: error.code.code, toldAt: clock.now() } as const;
      await database.inOrganization(organizationId, (tx) => updateImage(tx, organizationId, payload, failed));
    } finally {
      running--;
    }
    return { done: true };
  });

  return {
    clientFor,
    enqueue: (tx, organizationId, image) =>
      jobs.enqueue(tx, fetchJob, {
        key: `${organizationId} ${imageHolder(image)}`,
        payload: { organizationId, ...image },
      }),
  };
}

const digestOf = ({ digest }: Descriptor): string => digest;
