import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { type FileHandle, chmod, lchown, mkdir, open, symlink } from "node:fs/promises";
import { join } from "node:path";
import { AgentError } from "../errors.ts";
import type { FileContent } from "../reconcile/engine.ts";
import { PRIVATE_FILE, PRIVATE_FOLDER } from "../platform/durable-file.ts";
import type { StackEntry } from "./manifest.ts";

/** Gives the content behind a digest. */
export type OpenContent = (digest: string) => FileContent;

// Flushes to disk are waited for most of the time, and the kernel does several at once.
const FILES_AT_ONCE = 8;

/**
 * Writes entries below a path that nothing is at, durable when it resolves. Nothing that is there already is followed or replaced:
 * every file, folder and link is made new.
 * @param place of the first entry, whose path is empty.
 * @throws AgentError WF_FILES_UNAVAILABLE when a content is not what its digest says or an owner cannot be given.
 */
export async function writeTree(
  place: string,
  entries: readonly StackEntry[],
  openContent: OpenContent,
): Promise<void> {
  const at = (entry: StackEntry): string => (entry.path === "" ? place : join(place, entry.path));
  const folders = entries.filter(({ kind }) => kind === "folder");
  for (const folder of folders) await mkdir(at(folder), { mode: PRIVATE_FOLDER });
  const others = entries.filter(({ kind }) => kind !== "folder").values();
  const worker = async (): Promise<void> => {
    for (const entry of others) {
      if (entry.kind === "link") await writeLink(at(entry), entry);
      else await writeFile(at(entry), entry, openContent(entry.digest));
    }
  };
  await Promise.all(Array.from({ length: FILES_AT_ONCE }, worker));
  // The deepest first, and after their content: a folder may be closed to its owner.
  for (const folder of folders.toReversed()) {
    await giveOwner(at(folder), folder);
    await chmod(at(folder), folder.mode);
    await syncPath(at(folder));
  }
}

async function writeFile(path: string, entry: StackEntry, content: FileContent): Promise<void> {
  const file = await open(path, "wx", PRIVATE_FILE);
  try {
    const digest = await copyInto(file, content);
    if (digest !== entry.digest)
      throw new AgentError(
        "WF_FILES_UNAVAILABLE",
        `The content of ${path} on this host is not what its digest says: it was altered on disk.`,
      );
    await giveOwner(path, entry);
    await file.chmod(entry.mode);
    await file.sync();
  } finally {
    await file.close();
  }
}

async function copyInto(file: FileHandle, content: FileContent): Promise<string> {
  const hash = createHash("sha256");
  for await (const part of Buffer.isBuffer(content) ? [content] : createReadStream(content.path)) {
    hash.update(part as Buffer);
    await file.appendFile(part as Buffer);
  }
  return `sha256:${hash.digest("hex")}`;
}

async function writeLink(path: string, entry: StackEntry): Promise<void> {
  await symlink(entry.linkTarget, path);
  await giveOwner(path, entry);
}

async function giveOwner(path: string, { uid, gid }: StackEntry): Promise<void> {
  if (uid === process.getuid?.() && gid === process.getgid?.()) return;
  try {
    await lchown(path, uid, gid);
  } catch (cause) {
    throw new AgentError(
      "WF_FILES_UNAVAILABLE",
      `${path} cannot be given to the user ${uid} and the group ${gid}: the agent has to run as root for that.`,
      { cause },
    );
  }
}

async function syncPath(path: string): Promise<void> {
  const folder = await open(path, "r");
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
