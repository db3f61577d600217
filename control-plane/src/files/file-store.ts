import { sha256Digest } from "@windflow/core";
import { isProblem, ProblemError, type Clock, type Database, type UnitOfWork } from "../platform/index.ts";
import { filesErrors } from "./errors.ts";
import { EMPTY_FILE, MAX_LAYER_BYTES } from "./model.ts";
import type { FileStore, OpenedFile } from "./ports.ts";
import { readPieces } from "./reading.ts";
import { deleteHolds, insertHolds, isHeld, readFiles, readPiece, touchFiles, trimUnheld } from "./store.ts";
import type { Uploads } from "./uploads.ts";

// As a piece of an upload: what is in flight to the database at a time.
const WRITTEN_PIECE_BYTES = 1024 * 1024;

export function createFileStore(parts: {
  readonly database: Database;
  readonly clock: Clock;
  readonly uploads: Uploads;
}): FileStore {
  const { database, clock, uploads } = parts;

  async function sizesOf(tx: UnitOfWork, digests: readonly string[]): Promise<Map<string, number>> {
    const rows = await readFiles(tx, organizationOf(tx), digests);
    const sizes = new Map(rows.filter(({ whole }) => whole).map(({ digest, sizeBytes }) => [digest, sizeBytes]));
    if (digests.includes(EMPTY_FILE)) sizes.set(EMPTY_FILE, 0);
    return sizes;
  }

  async function* read(
    organizationId: string,
    digest: string,
    from: number,
    sizeBytes: number,
  ): AsyncGenerator<Uint8Array> {
    let at = from;
    for await (const piece of readPieces(database, organizationId, digest, from)) {
      yield piece;
      at += piece.length;
    }
    if (at >= sizeBytes) return;
    throw new ProblemError({ code: filesErrors.WF_FILE_NOT_STORED, detail: `${digest} was removed while it was read` });
  }

  async function open(tx: UnitOfWork, digest: string): Promise<OpenedFile | undefined> {
    const organizationId = organizationOf(tx);
    const sizeBytes = (await sizesOf(tx, [digest])).get(digest);
    if (sizeBytes === undefined) return undefined;
    return { sizeBytes, readFrom: (offset) => read(organizationId, digest, offset, sizeBytes) };
  }

  async function putAll(organizationId: string, digest: string, content: Uint8Array): Promise<void> {
    const sizeBytes = content.length;
    for (let offset = 0; offset < sizeBytes; offset += WRITTEN_PIECE_BYTES) {
      const piece = content.subarray(offset, offset + WRITTEN_PIECE_BYTES);
      const { receivedBytes } = await uploads.put(
        organizationId,
        { digest, sizeBytes, offset, content: piece },
        MAX_LAYER_BYTES,
      );
      if (receivedBytes === sizeBytes) return;
    }
  }

  return {
    sizesOf,
    open,
    put: (organizationId, piece) => uploads.put(organizationId, piece, MAX_LAYER_BYTES),
    write: async (organizationId, content) => {
      const digest = sha256Digest(content);
      try {
        await putAll(organizationId, digest, content);
      } catch (error) {
        // Somebody's unfinished upload of that digest began with other bytes; it is dropped now.
        if (!isProblem(error, filesErrors.WF_FILE_DIGEST_MISMATCH)) throw error;
        await putAll(organizationId, digest, content);
      }
    },
    bytesOf: async (tx, digest, maxBytes) => {
      const sizeBytes = (await sizesOf(tx, [digest])).get(digest);
      if (sizeBytes === undefined || sizeBytes > maxBytes) return undefined;
      const pieces: Uint8Array[] = [];
      for (let at = 0; at < sizeBytes; at += pieces.at(-1)?.length ?? sizeBytes) {
        const piece = await readPiece(tx, organizationOf(tx), digest, at);
        if (piece === undefined) return undefined;
        pieces.push(piece);
      }
      return Buffer.concat(pieces);
    },
    hold: async (tx, holder, digests) => {
      const organizationId = organizationOf(tx);
      const wanted = [...new Set(digests)].filter((digest) => digest !== EMPTY_FILE);
      // Locks them first: the sweep passes over what is locked, and what it took already is missing now.
      await touchFiles(tx, organizationId, wanted, clock.now());
      const whole = await sizesOf(tx, wanted);
      const missing = wanted.filter((digest) => !whole.has(digest));
      if (missing.length > 0) {
        const violations = missing.map((digest) => ({
          path: digest,
          message: "it is not stored whole: upload it first",
        }));
        throw new ProblemError({ code: filesErrors.WF_FILE_NOT_STORED, violations });
      }
      await insertHolds(tx, organizationId, holder, wanted);
    },
    release: (tx, holderId) => deleteHolds(tx, organizationOf(tx), holderId),
    receivedBytes: async (tx, digest) => (await readFiles(tx, organizationOf(tx), [digest]))[0]?.receivedBytes ?? 0,
    discard: async (organizationId, digests) => {
      for (const digest of new Set(digests))
        while (!(await database.inOrganization(organizationId, (tx) => trimUnheld(tx, organizationId, digest))));
    },
    isHeld: (tx, holderIds, digest) => isHeld(tx, organizationOf(tx), holderIds, digest),
  };
}

function organizationOf(tx: UnitOfWork): string {
  if (tx.organizationId === undefined) throw new TypeError("files belong to an organization");
  return tx.organizationId;
}
