import type { FileStore } from "../files/index.ts";
import type { Caller, Database, UnitOfWork } from "../platform/index.ts";
import { MAX_INLINE_BYTES, MAX_INLINE_TOTAL_BYTES } from "./body-files.ts";
import type { StackSource } from "./model.ts";
import type { RenderInput } from "./ports.ts";
import type { ReadSmallFiles } from "./prepare.ts";

// No file that is read as text is larger: the renderer refuses it before.
const MAX_TEXT_BYTES = 4 * 1024 * 1024;

/** The attachments of a source for the renderer, read from the store one by one when they are asked for. */
export function attachmentsFor(
  source: StackSource,
  sizes: ReadonlyMap<string, number>,
  store: { readonly database: Database; readonly files: FileStore; readonly caller: Caller },
): NonNullable<RenderInput["attachments"]> {
  const { database, files, caller } = store;
  return {
    files: source.attachments.map(({ path, digest, linkTarget, folder }) => ({
      path,
      kind: linkTarget !== "" ? "link" : folder ? "folder" : "file",
      digest,
      sizeBytes: sizes.get(digest) ?? 0,
      linkTarget,
    })),
    read: (digest) =>
      database.inOrganization(caller, (tx) => files.bytesOf(tx, digest, MAX_TEXT_BYTES), { readOnly: true }),
  };
}

/** Bytes of the stored contents of a source's attachments, by digest. */
export async function attachmentSizes(
  tx: UnitOfWork,
  files: FileStore,
  source: StackSource,
): Promise<Map<string, number>> {
  const digests = new Set(source.attachments.map(({ digest }) => digest).filter((digest) => digest !== ""));
  return digests.size === 0 ? new Map() : files.sizesOf(tx, [...digests]);
}

/** Reads what fits into a body, in the order of the files. */
export function smallFilesReader({
  database,
  files,
}: {
  readonly database: Database;
  readonly files: FileStore;
}): ReadSmallFiles {
  return async (caller, travelling) => {
    const wanted = new Set<string>();
    let room = MAX_INLINE_TOTAL_BYTES;
    for (const { kind, digest, sizeBytes, content } of travelling) {
      if (kind !== "file" || content !== undefined || sizeBytes > MAX_INLINE_BYTES || sizeBytes > room) continue;
      if (!wanted.has(digest)) room -= sizeBytes;
      wanted.add(digest);
    }
    const contents = new Map<string, Uint8Array>();
    if (wanted.size === 0) return contents;
    return database.inOrganization(
      caller,
      async (tx) => {
        for (const digest of wanted) {
          const bytes = await files.bytesOf(tx, digest, MAX_INLINE_BYTES);
          if (bytes !== undefined) contents.set(digest, bytes);
        }
        return contents;
      },
      { readOnly: true },
    );
  };
}
