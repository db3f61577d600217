import { type Hash, createHash } from "node:crypto";
import { createReadStream, readdirSync, statSync } from "node:fs";
import { type FileHandle, open, rename } from "node:fs/promises";
import { join } from "node:path";
import { AgentError } from "../errors.ts";
import { PRIVATE_FILE, makePrivateFolder, removeIfThere, syncFolder } from "../platform/durable-file.ts";

export interface WantedContent {
  /** `sha256:…` */
  readonly digest: string;
  readonly sizeBytes: number;
}

/** The bytes of a file from an offset on, in pieces. Ends early when the link does. */
export type ContentSource = (digest: string, offset: number) => AsyncIterable<Uint8Array>;

/** Contents of files on disk, named by their digest: whole and checked, or a piece that the next fetch goes on with. */
export interface ContentStore {
  has(wanted: WantedContent): boolean;
  /** Where a whole one stands; it may be read, never changed. */
  pathOf(digest: string): string;
  /** Bytes that have come of one that is under way; 0 when none is. */
  receivedBytes(digest: string): number;
  /** Bytes that are still to come. */
  missingBytes(wanted: WantedContent): number;
  /** Bytes of everything here. */
  usedBytes(): number;
  /**
   * Brings one here; goes on where an earlier fetch ended. Durable when it resolves.
   * @throws AgentError WF_FILES_UNAVAILABLE when what comes is twice not what the digest says; whatever the source throws.
   */
  fetch(wanted: WantedContent, source: ContentSource): Promise<void>;
  /** The whole ones, with when they came, in milliseconds since the epoch. */
  list(): readonly (WantedContent & { readonly at: number })[];
  /** Forgets one. */
  drop(digest: string): void;
  /** Reads one, and forgets it when it is not what its digest says any more, so that it is fetched again. */
  dropIfDamaged(digest: string): Promise<void>;
  /** Removes every other one, pieces included. */
  keepOnly(digests: ReadonlySet<string>): void;
}

const PIECES = "pieces";
const DIGEST = /^sha256:([0-9a-f]{64})$/;
const READ_BYTES = 1024 * 1024;
// More than are fetched at a time; the piece of one that was forgotten is read again.
const MOST_BEGUN = 64;

export function openContentStore(folder: string): ContentStore {
  const pieces = join(folder, PIECES);
  makePrivateFolder(folder);
  makePrivateFolder(pieces);
  const pathOf = (digest: string): string => join(folder, hexOf(digest));
  const pieceOf = (digest: string): string => join(pieces, hexOf(digest));
  const has = (wanted: WantedContent): boolean => sizeOf(pathOf(wanted.digest)) === wanted.sizeBytes;
  const underWay = new Map<string, Promise<void>>();
  // A piece of some gigabytes is not read again after each cut of the link.
  const begun = new Map<string, Begun>();

  const fetchOnce = async (wanted: WantedContent, source: ContentSource): Promise<boolean> => {
    const piece = await open(pieceOf(wanted.digest), "a+", PRIVATE_FILE);
    try {
      const isRight = await complete(piece, wanted, source, begun);
      if (isRight) await piece.sync();
      else await piece.truncate(0);
      if (!isRight) return false;
    } finally {
      await piece.close();
    }
    await rename(pieceOf(wanted.digest), pathOf(wanted.digest));
    syncFolder(folder);
    return true;
  };
  const fetch = async (wanted: WantedContent, source: ContentSource): Promise<void> => {
    if (has(wanted)) return;
    // A piece that a power cut spoiled shows only at the end: then all of it is fetched once more.
    if ((await fetchOnce(wanted, source)) || (await fetchOnce(wanted, source))) return;
    throw new AgentError(
      "WF_FILES_UNAVAILABLE",
      `The file ${wanted.digest} came with another content than its digest says, twice; it is refused.`,
    );
  };

  return {
    has,
    pathOf,
    receivedBytes: (digest) => sizeOf(pieceOf(digest)) ?? 0,
    missingBytes: (wanted) =>
      has(wanted) ? 0 : wanted.sizeBytes - Math.min(sizeOf(pieceOf(wanted.digest)) ?? 0, wanted.sizeBytes),
    usedBytes: () =>
      [folder, pieces]
        .flatMap((place) => readdirSync(place).map((name) => sizeOf(join(place, name)) ?? 0))
        .reduce((a, b) => a + b, 0),
    fetch: async (wanted, source) => {
      // Two revisions may ask for one file at once, and a piece has one writer.
      const running =
        underWay.get(wanted.digest) ?? fetch(wanted, source).finally(() => underWay.delete(wanted.digest));
      underWay.set(wanted.digest, running);
      await running;
    },
    list: () =>
      readdirSync(folder).flatMap((name) => {
        const stats = statSync(join(folder, name), { throwIfNoEntry: false });
        return stats?.isFile() === true ? [{ digest: `sha256:${name}`, sizeBytes: stats.size, at: stats.mtimeMs }] : [];
      }),
    drop: (digest) => removeIfThere(pathOf(digest)),
    dropIfDamaged: async (digest) => {
      const path = pathOf(digest);
      if (sizeOf(path) === undefined) return;
      const hash = createHash("sha256");
      for await (const part of createReadStream(path, { highWaterMark: READ_BYTES })) hash.update(part as Buffer);
      if (`sha256:${hash.digest("hex")}` !== digest) removeIfThere(path);
    },
    keepOnly: (digests) => {
      const names = new Set([...digests].map(hexOf));
      for (const place of [folder, pieces])
        for (const name of readdirSync(place))
          if (name !== PIECES && !names.has(name)) removeIfThere(join(place, name));
    },
  };
}

/** What this process wrote of a piece and has read no other way. */
interface Begun {
  readonly hash: Hash;
  length: number;
}

/** @returns whether all of it is there and is what the digest says. */
async function complete(
  piece: FileHandle,
  wanted: WantedContent,
  source: ContentSource,
  begun: Map<string, Begun>,
): Promise<boolean> {
  const { digest, sizeBytes } = wanted;
  const own = begun.get(digest);
  begun.delete(digest);
  const known = own?.length === (await piece.stat()).size ? own : await readPiece(piece);
  const { hash } = known;
  if (known.length > sizeBytes) return false;
  try {
    if (known.length < sizeBytes)
      for await (const part of source(digest, known.length)) {
        if (known.length + part.length > sizeBytes) return false;
        // Opened for appending, so this goes to the end.
        await piece.appendFile(part);
        hash.update(part);
        known.length += part.length;
      }
    if (known.length < sizeBytes)
      throw new Error(`the file ${digest} ended after ${known.length} of ${sizeBytes} bytes`);
  } catch (error) {
    remember(begun, digest, known);
    throw error;
  }
  return `sha256:${hash.digest("hex")}` === digest;
}

async function readPiece(piece: FileHandle): Promise<Begun> {
  const hash = createHash("sha256");
  let length = 0;
  for await (const part of piece.createReadStream({ start: 0, autoClose: false, highWaterMark: READ_BYTES })) {
    hash.update(part as Buffer);
    length += (part as Buffer).length;
  }
  return { hash, length };
}

function remember(begun: Map<string, Begun>, digest: string, known: Begun): void {
  begun.set(digest, known);
  for (const oldest of begun.keys()) if (begun.size > MOST_BEGUN) begun.delete(oldest);
}

function hexOf(digest: string): string {
  const hex = DIGEST.exec(digest)?.[1];
  if (hex === undefined) throw new AgentError("WF_BODY_INVALID", `"${digest}" is no digest.`);
  return hex;
}

/** Bytes of a file; undefined when there is none. */
function sizeOf(path: string): number | undefined {
  const stats = statSync(path, { throwIfNoEntry: false });
  return stats?.isFile() === true ? stats.size : undefined;
}
