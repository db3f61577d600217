import { chmod, mkdir, open, rename, rm, symlink, writeFile } from "node:fs/promises";
import { join, normalize } from "node:path";
import { zstdDecompressSync } from "node:zlib";
import { sha256Hex } from "../crypto.ts";
import { ProblemError, startErrors } from "../errors.ts";

/** One entry of a packed tree, folders before what is in them; the bytes of files follow the index in its order. */
export type PackedEntry =
  | { readonly path: string; readonly kind: "folder" }
  | { readonly path: string; readonly kind: "file"; readonly bytes: number; readonly executable: boolean }
  | { readonly path: string; readonly kind: "link"; readonly to: string };

// A tree is zstd over: length of the index (4 bytes, big endian), the index (JSON, PackedEntry[]), the bytes of its files.
const LENGTH_BYTES = 4;
// PostgreSQL takes 60 MB and the web application 5; more would be another program's.
const MOST_UNPACKED_BYTES = 512 * 1024 * 1024;

/**
 * Unpacks a tree that the build packed (installer/src/build/packed-tree.ts) into `folder/SHA256` unless it is there already,
 * and gives that path. What is there is whole: it gets its name when all is on disk.
 * Throws WF_UNPACK_FAILED when there is no room or the tree is damaged.
 */
export async function unpackTree(packed: Buffer, folder: string): Promise<string> {
  const target = join(folder, sha256Hex(packed).slice(0, NAME_CHARACTERS));
  if (await isThere(target)) return target;
  const draft = `${target}.new`;
  try {
    await rm(draft, { recursive: true, force: true });
    await mkdir(draft, { recursive: true, mode: 0o755 });
    await writeEntries(zstdDecompressSync(packed, { maxOutputLength: MOST_UNPACKED_BYTES }), draft);
    // Whatever the umask: the database's user has to pass through.
    for (const path of [folder, draft]) await chmod(path, 0o755);
    await rename(draft, target);
    await flush(folder);
    return target;
  } catch (cause) {
    await rm(draft, { recursive: true, force: true }).catch(() => undefined);
    throw new ProblemError({
      code: startErrors.WF_UNPACK_FAILED,
      detail: `${folder} did not take it: ${cause instanceof Error ? cause.message : String(cause)}`,
      cause,
    });
  }
}

// Enough that two versions never have the same name, short enough for the database's socket below it.
const NAME_CHARACTERS = 16;

async function writeEntries(tree: Buffer, folder: string): Promise<void> {
  const bodyAt = LENGTH_BYTES + tree.readUInt32BE(0);
  const entries = JSON.parse(tree.toString("utf8", LENGTH_BYTES, bodyAt)) as PackedEntry[];
  const written: string[] = [folder];
  let at = bodyAt;
  for (const entry of entries) {
    const path = inside(folder, entry.path);
    if (entry.kind === "link") {
      await symlink(entry.to, path);
      continue;
    }
    written.push(path);
    if (entry.kind === "folder") {
      await mkdir(path);
      await chmod(path, 0o755);
      continue;
    }
    await writeFile(path, tree.subarray(at, at + entry.bytes), { flag: "wx" });
    await chmod(path, entry.executable ? 0o755 : 0o644);
    at += entry.bytes;
  }
  // A thousand files one after the other would take seconds; side by side the disk takes many at once.
  await Promise.all(written.map(flush));
}

function inside(folder: string, path: string): string {
  if (path.startsWith("/") || normalize(path) !== path || path.startsWith(".."))
    throw new Error(`${path} is no path inside of a tree`);
  return join(folder, path);
}

async function flush(path: string): Promise<void> {
  const opened = await open(path, "r");
  try {
    await opened.sync();
  } finally {
    await opened.close();
  }
}

const isThere = (path: string): Promise<boolean> =>
  open(path, "r").then(
    (file) => file.close().then(() => true),
    () => false,
  );
