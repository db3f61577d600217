import {
  commonErrors,
  ProblemError,
  type Caller,
  type Clock,
  type Database,
  type UnitOfWork,
} from "../platform/index.ts";
import { EMPTY_FILE, MAX_FILE_BYTES, MIN_PIECE_BYTES, type FilePiece, type StoredFile } from "./model.ts";
import { readFiles, touchFiles } from "./store.ts";
import type { Uploads } from "./uploads.ts";

export interface FilesService {
  /** In the order of the digests; an unknown one has 0 bytes. Those that are whole stay for another day. */
  check(caller: Caller, digests: readonly string[]): Promise<StoredFile[]>;
  put(caller: Caller, piece: FilePiece): Promise<StoredFile>;
}

interface Audit {
  record(
    tx: UnitOfWork,
    caller: Caller,
    act: { action: string; targetKind: string; targetId: string; detail: Record<string, unknown> },
  ): Promise<void>;
}

// A look at files every few minutes writes nothing.
const TOUCHED_AGAIN_MS = 3_600_000;

export function createFilesService(parts: {
  readonly database: Database;
  readonly clock: Clock;
  readonly audit: Audit;
  readonly uploads: Uploads;
}): FilesService {
  const { database, clock, audit, uploads } = parts;
  return {
    check: (caller, digests) =>
      database.inOrganization(caller, async (tx) => {
        const { organizationId } = caller;
        const rows = await readFiles(tx, organizationId, [...new Set(digests)]);
        const now = clock.now();
        const old = rows.filter(({ whole, touchedAt }) => whole && +now - +touchedAt > TOUCHED_AGAIN_MS);
        const aged = old.map(({ digest }) => digest);
        await touchFiles(tx, organizationId, aged, now);
        const known = new Map(rows.map((row) => [row.digest, row]));
        return digests.map((digest) => {
          const { sizeBytes = 0, receivedBytes = 0, whole = false } = known.get(digest) ?? {};
          // Everything is there, but a crash came before the digest was compared: its last byte is asked for again.
          const unverified = !whole && sizeBytes > 0 && receivedBytes === sizeBytes;
          return { digest, sizeBytes, receivedBytes: unverified ? sizeBytes - 1 : receivedBytes };
        });
      }),
    put: async (caller, piece) => {
      const last = piece.offset + piece.content.length === piece.sizeBytes;
      if (!last && piece.content.length < MIN_PIECE_BYTES) {
        const message = `a piece that is not the last has at least ${MIN_PIECE_BYTES} bytes`;
        throw new ProblemError({ code: commonErrors.WF_INVALID_ARGUMENT, violations: [{ path: "content", message }] });
      }
      const stored = await uploads.put(caller.organizationId, piece, MAX_FILE_BYTES);
      if (last && stored.receivedBytes === stored.sizeBytes && stored.digest !== EMPTY_FILE) {
        await database.inOrganization(caller, (tx) =>
          audit.record(tx, caller, {
            action: "files.put",
            targetKind: "file",
            targetId: stored.digest,
            detail: { sizeBytes: stored.sizeBytes },
          }),
        );
      }
      return stored;
    },
  };
}
