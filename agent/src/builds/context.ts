import { createReadStream } from "node:fs";
import type { BuildTask, ContextFile } from "@windflow/proto/agent";
import { type TarSource, writeTar } from "../engines/docker/build-tar.ts";
import type { ContentSource, ContentStore } from "../files/content-store.ts";
import { lackOfRoom } from "../files/room.ts";

// Enough that a link with a long way is kept busy by small files.
const FETCHES_AT_ONCE = 4;

/** Brings the files of a context that did not come with the task. @throws Error when the disk has no room for them. */
export async function fetchContext(
  task: BuildTask,
  parts: { readonly store: ContentStore; readonly folder: string; readonly source: ContentSource },
): Promise<void> {
  const wanted = task.files
    .filter(isFetched)
    .map(({ digest, sizeBytes }) => ({ digest, sizeBytes: Number(sizeBytes) }));
  const missing = wanted.reduce((sum, one) => sum + parts.store.missingBytes(one), 0);
  const lack = lackOfRoom([{ folder: parts.folder, bytes: missing }]);
  if (lack !== undefined) throw new Error(`The build context of ${task.service} ${lack}.`);
  const entries = wanted.values();
  const lane = async (): Promise<void> => {
    // One iterator for all lanes: each file is taken once.
    for (const one of entries) await parts.store.fetch(one, parts.source);
  };
  await Promise.all(Array.from({ length: FETCHES_AT_ONCE }, lane));
}

/** The context as the engine takes it. */
export function contextArchive(task: BuildTask, store: ContentStore): AsyncIterable<Uint8Array> {
  function* entries(): Generator<TarSource> {
    for (const file of task.files) yield entryOf(file, store);
  }
  return writeTar(entries());
}

function isFetched(file: ContextFile): boolean {
  return !file.folder && file.linkTarget === "" && file.content.length === 0 && file.sizeBytes > 0n;
}

function entryOf(file: ContextFile, store: ContentStore): TarSource {
  const { path, mode, uid, gid, linkTarget } = file;
  const common = { path, mode, uid, gid, linkTarget };
  if (file.folder) return { ...common, kind: "folder", sizeBytes: 0 };
  if (linkTarget !== "") return { ...common, kind: "link", sizeBytes: 0 };
  if (!isFetched(file)) return { ...common, kind: "file", sizeBytes: file.content.length, content: [file.content] };
  return {
    ...common,
    kind: "file",
    sizeBytes: Number(file.sizeBytes),
    content: createReadStream(store.pathOf(file.digest)),
  };
}
