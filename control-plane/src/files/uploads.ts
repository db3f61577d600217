import { createHash } from "node:crypto";
import {
  commonErrors,
  isDiskFull,
  ProblemError,
  type Clock,
  type Database,
  type UnitOfWork,
} from "../platform/index.ts";
import { filesErrors } from "./errors.ts";
import { EMPTY_FILE, LEAST_CHARGE_BYTES, type FilePiece, type StoredFile } from "./model.ts";
import { readPieces } from "./reading.ts";
import { createRunningDigests } from "./running-digests.ts";
import {
  appendPieces,
  insertFile,
  lockFile,
  lockRoom,
  markWhole,
  touchFiles,
  trimFile,
  usedBytes,
  type FileRow,
} from "./store.ts";

interface Parts {
  readonly database: Database;
  readonly clock: Clock;
  /** Room for the files of one organization. */
  readonly organizationBytes: number;
}

export interface Uploads {
  /** @param mostBytes that a file may have here */
  put(organizationId: string, piece: FilePiece, mostBytes: number): Promise<StoredFile>;
}

const OTHER_SIZE = Symbol("a file of this digest was begun with another size");

interface Taken {
  readonly file: FileRow;
  /** As it was before this piece, and what is new of the piece; absent when nothing was. */
  readonly appended?: { readonly before: FileRow; readonly content: Uint8Array };
}

export function createUploads({ database, clock, organizationBytes }: Parts): Uploads {
  const running = createRunningDigests();

  /** Takes what is new of the piece. Nothing of it is taken when the room or the disk is full. */
  async function take(tx: UnitOfWork, organizationId: string, piece: FilePiece): Promise<Taken | typeof OTHER_SIZE> {
    const { digest, sizeBytes, offset, content } = piece;
    const known = (await lockFile(tx, organizationId, digest)) ?? (await begin(tx, organizationId, piece));
    if (known.whole) {
      await touchFiles(tx, organizationId, [digest], clock.now());
      return { file: known };
    }
    if (known.sizeBytes !== sizeBytes) {
      // Whoever began was wrong about the size, or whoever goes on is: from the beginning, the digest will tell.
      if (offset > 0) throw wrongOffset(offset, 0);
      return OTHER_SIZE;
    }
    if (offset > known.receivedBytes) throw wrongOffset(offset, known.receivedBytes);
    const fresh = content.subarray(known.receivedBytes - offset);
    if (fresh.length === 0) return { file: known };
    const at = clock.now();
    await appendPieces(tx, organizationId, { digest, offset: known.receivedBytes, content: fresh, at });
    const file = { ...known, receivedBytes: known.receivedBytes + fresh.length, touchedAt: at };
    return { file, appended: { before: known, content: fresh } };
  }

  async function begin(
    tx: UnitOfWork,
    organizationId: string,
    { digest, sizeBytes, offset }: FilePiece,
  ): Promise<FileRow> {
    await lockRoom(tx, organizationId);
    // Another upload of it may have begun while this one waited.
    const other = await lockFile(tx, organizationId, digest);
    if (other !== undefined) return other;
    if (offset > 0) throw wrongOffset(offset, 0);
    const used = await usedBytes(tx, organizationId);
    if (used + Math.max(sizeBytes, LEAST_CHARGE_BYTES) > organizationBytes) {
      const detail = `${used} of ${organizationBytes} bytes are used, and the file has ${sizeBytes}`;
      throw new ProblemError({ code: filesErrors.WF_FILES_QUOTA, detail });
    }
    const at = clock.now();
    await insertFile(tx, organizationId, { digest, sizeBytes, at });
    return { digest, sizeBytes, receivedBytes: 0, whole: false, touchedAt: at };
  }

  /** Removes a file that never became whole and is not what it was said to be. */
  async function drop(organizationId: string, digest: string, isWrong: (file: FileRow) => boolean): Promise<void> {
    const part = (): Promise<boolean> =>
      database.inOrganization(organizationId, async (tx) => {
        const file = await lockFile(tx, organizationId, digest);
        if (file === undefined || file.whole || !isWrong(file)) return true;
        return trimFile(tx, organizationId, file);
      });
    while (!(await part()));
  }

  // Many may send the last byte at once: a large file is read for all of them together.
  const verifying = new Map<string, Promise<void>>();

  function verify(organizationId: string, file: FileRow): Promise<void> {
    const key = `${organizationId} ${file.digest} ${file.touchedAt.getTime()}`;
    const running = verifying.get(key) ?? verifyOnce(organizationId, file).finally(() => verifying.delete(key));
    verifying.set(key, running);
    return running;
  }

  async function readDigest(organizationId: string, digest: string): Promise<string> {
    const hash = createHash("sha256");
    for await (const bytes of readPieces(database, organizationId, digest, 0)) hash.update(bytes);
    return `sha256:${hash.digest("hex")}`;
  }

  async function verifyOnce(organizationId: string, file: FileRow): Promise<void> {
    const { digest } = file;
    const found = running.take(organizationId, file) ?? (await readDigest(organizationId, digest));
    const isRight = found === digest;
    const isMarked = await database.inOrganization(organizationId, async (tx) => {
      if (isRight && (await markWhole(tx, organizationId, file))) return true;
      // Another upload that verifies the same bytes may have been first.
      return isRight && (await lockFile(tx, organizationId, digest))?.whole === true;
    });
    if (isMarked) return;
    if (isRight) throw wrongOffset(file.sizeBytes, 0);
    await drop(organizationId, digest, ({ receivedBytes }) => receivedBytes <= file.receivedBytes);
    throw new ProblemError({
      code: filesErrors.WF_FILE_DIGEST_MISMATCH,
      detail: `${digest} was said, ${found} was sent`,
    });
  }

  return {
    put: async (organizationId, piece, mostBytes) => {
      requireSound(piece, mostBytes);
      if (piece.digest === EMPTY_FILE) return { digest: EMPTY_FILE, sizeBytes: 0, receivedBytes: 0 };
      const takeOnce = (): Promise<Taken | typeof OTHER_SIZE> =>
        database
          .inOrganization(organizationId, (tx) => take(tx, organizationId, piece))
          .catch((error: unknown) => {
            throw isDiskFull(error) ? new ProblemError({ code: filesErrors.WF_FILES_DISK_FULL, cause: error }) : error;
          });
      let taken = await takeOnce();
      while (taken === OTHER_SIZE) {
        await drop(organizationId, piece.digest, ({ sizeBytes }) => sizeBytes !== piece.sizeBytes);
        taken = await takeOnce();
      }
      const { file, appended } = taken;
      if (appended !== undefined) running.appended(organizationId, appended.before, file, appended.content);
      const { digest, sizeBytes, receivedBytes } = file;
      if (receivedBytes === sizeBytes && !file.whole) await verify(organizationId, file);
      return { digest, sizeBytes, receivedBytes };
    },
  };
}

function requireSound({ digest, sizeBytes, offset, content }: FilePiece, mostBytes: number): void {
  const faults = [
    ...(sizeBytes > mostBytes ? [{ path: "sizeBytes", message: `a file has at most ${mostBytes} bytes` }] : []),
    ...(offset + content.length > sizeBytes
      ? [{ path: "content", message: `it ends behind the ${sizeBytes} bytes that the file is said to have` }]
      : []),
    ...(sizeBytes === 0 && digest !== EMPTY_FILE
      ? [{ path: "digest", message: `a file without content has the digest ${EMPTY_FILE}` }]
      : []),
    ...(sizeBytes > 0 && digest === EMPTY_FILE
      ? [{ path: "sizeBytes", message: "this is the digest of a file without content" }]
      : []),
  ];
  if (faults.length > 0) throw new ProblemError({ code: commonErrors.WF_INVALID_ARGUMENT, violations: faults });
}

function wrongOffset(offset: number, receivedBytes: number): ProblemError {
  const detail = `it begins at ${offset}, and ${receivedBytes} bytes are stored: go on at ${receivedBytes}`;
  return new ProblemError({ code: filesErrors.WF_FILE_OFFSET, detail });
}
