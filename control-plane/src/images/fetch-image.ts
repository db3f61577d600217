import { sha256Digest, sizeText } from "@windflow/core";
import { MAX_LAYER_BYTES, type FileStore } from "../files/index.ts";
import { isProblem, ProblemError, type Database } from "../platform/index.ts";
import { registriesErrors } from "../registries/index.ts";
import { manifestFor, readDocument, type Descriptor } from "./documents.ts";
import { imagesErrors } from "./errors.ts";
import { distinct, type ImageKey } from "./model.ts";
import { MOST_DOCUMENT_BYTES, type RegistryClient } from "./registry-client.ts";

// What is in flight to the database at a time.
const PIECE_BYTES = 1024 * 1024;
// A line that breaks again and again without a byte in between is down.
const FRUITLESS_TRIES = 3;

/** What an image is made of, as its registry says. */
export interface ImageContents {
  /** Index, manifest, configuration; without the index where the digest names the manifest. */
  readonly documents: readonly Uint8Array[];
  /** Each once. */
  readonly layers: readonly Descriptor[];
}

/** Reads what the image is made of for its platform; every byte is checked against the digest that names it. */
export async function readContents(client: RegistryClient, { digest, platform }: ImageKey): Promise<ImageContents> {
  const top = await client.document(digest);
  const read = readDocument(top, digest);
  if (read.kind === "manifest") return withConfig(client, [top], read);
  const own = manifestFor(read, platform);
  if (own === undefined) {
    const there = read.manifests.map((one) => one.platform).filter((name) => !name.startsWith("unknown"));
    const detail = `it is there for ${[...new Set(there)].join(", ") || "no platform"}, and not for ${platform}`;
    throw new ProblemError({ code: imagesErrors.WF_IMAGE_PLATFORM, detail });
  }
  const bytes = await client.document(own.digest);
  const manifest = readDocument(bytes, own.digest);
  if (manifest.kind === "manifest") return withConfig(client, [top, bytes], manifest);
  throw new ProblemError({ code: imagesErrors.WF_IMAGE_UNSUPPORTED, detail: "its index names another index" });
}

async function withConfig(
  client: RegistryClient,
  documents: readonly Uint8Array[],
  manifest: { readonly config: Descriptor; readonly layers: readonly Descriptor[] },
): Promise<ImageContents> {
  const { config } = manifest;
  const tooLarge = manifest.layers.find(({ sizeBytes }) => sizeBytes > MAX_LAYER_BYTES);
  if (config.sizeBytes > MOST_DOCUMENT_BYTES || tooLarge !== undefined) {
    const detail =
      tooLarge === undefined
        ? `its configuration has more than ${MOST_DOCUMENT_BYTES} bytes`
        : `its layer ${tooLarge.digest} has ${sizeText(tooLarge.sizeBytes)}, and ${sizeText(MAX_LAYER_BYTES)} are the most that travel`;
    throw new ProblemError({ code: imagesErrors.WF_IMAGE_UNSUPPORTED, detail });
  }
  const pieces: Uint8Array[] = [];
  let length = 0;
  for await (const piece of client.blob(config.digest, 0)) {
    length += piece.length;
    if (length > config.sizeBytes) break;
    pieces.push(piece);
  }
  const bytes = Buffer.concat(pieces);
  if (length !== config.sizeBytes || sha256Digest(bytes) !== config.digest) throw damaged(config.digest);
  return { documents: [...documents, bytes], layers: distinct(manifest.layers) };
}

/**
 * Brings one layer into the store; goes on where an earlier fetch ended, of whichever control plane. `onBytes` gets what is new.
 * @throws ProblemError WF_IMAGE_DAMAGED when the whole is not what the digest says; WF_REGISTRY_UNREACHABLE; what the store says.
 */
export async function fetchLayer(
  { digest, sizeBytes }: Descriptor,
  parts: {
    readonly client: RegistryClient;
    readonly database: Database;
    readonly files: FileStore;
    readonly organizationId: string;
    readonly signal: AbortSignal;
    onBytes(count: number): Promise<void>;
  },
): Promise<void> {
  const { client, database, files, organizationId, signal } = parts;
  const stored = (): Promise<number> =>
    database.inOrganization(organizationId, (tx) => files.receivedBytes(tx, digest), { readOnly: true });
  const isWhole = async (): Promise<boolean> =>
    (await database.inOrganization(organizationId, (tx) => files.sizesOf(tx, [digest]), { readOnly: true })).has(
      digest,
    );
  if (await isWhole()) return parts.onBytes(sizeBytes);
  const begin = await stored();
  let at = begin;
  await parts.onBytes(at);
  const put = async (content: Uint8Array, offset: number): Promise<void> => {
    try {
      // Another image that has the layer too may be ahead: what is there already is passed over.
      ({ receivedBytes: at } = await files.put(organizationId, { digest, sizeBytes, offset, content }));
    } catch (error) {
      throw error instanceof ProblemError && error.code.code === "WF_FILE_DIGEST_MISMATCH" ? damaged(digest) : error;
    }
    await parts.onBytes(content.length);
  };
  // The last byte is asked for again where a crash came before the digest was compared.
  if (at === sizeBytes) at = sizeBytes - 1;
  for (let fruitless = 0; at < sizeBytes;) {
    signal.throwIfAborted();
    const before = at;
    try {
      await inPieces(client.blob(digest, at), { from: at, to: sizeBytes }, put);
    } catch (error) {
      if (!isProblem(error, registriesErrors.WF_REGISTRY_UNREACHABLE)) throw error;
      fruitless = at > before ? 0 : fruitless + 1;
      if (fruitless >= FRUITLESS_TRIES) throw error;
      continue;
    }
    // An answer that ends early without an error is a registry that does not have it whole.
    if (at < sizeBytes && at === before) throw damaged(digest);
  }
}

async function inPieces(
  bytes: AsyncIterable<Uint8Array>,
  { from, to }: { readonly from: number; readonly to: number },
  put: (piece: Uint8Array, offset: number) => Promise<void>,
): Promise<void> {
  let waiting: Uint8Array[] = [];
  let length = 0;
  let next = from;
  const flush = async (): Promise<void> => {
    if (length === 0) return;
    const piece = Buffer.concat(waiting);
    const offset = next;
    next += piece.length;
    waiting = [];
    length = 0;
    await put(piece, offset);
  };
  try {
    for await (const piece of bytes) {
      const taken = piece.subarray(0, to - next - length);
      length += taken.length;
      waiting.push(taken);
      if (length >= PIECE_BYTES) await flush();
      if (next + length >= to) break;
    }
  } finally {
    // What came before a line broke is kept.
    await flush();
  }
}

function damaged(digest: string): ProblemError {
  const detail = `what the registry sent for ${digest} is not what the digest says`;
  return new ProblemError({ code: imagesErrors.WF_IMAGE_DAMAGED, detail });
}
