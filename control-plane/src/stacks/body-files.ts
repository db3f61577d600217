import { posix } from "node:path";
import type { ComposeModel } from "@windflow/core";
import type { StackFile } from "@windflow/proto/agent";
import type { TravellingFile } from "../files/index.ts";
import { composeFilesOf } from "./compose.ts";
import type { Draft } from "./drafts.ts";
import { environmentFile } from "./environment-file.ts";

/** A text of the source that is longer is not sent along only for `docker compose` in the stack's folder. */
const MAX_SOURCE_TEXT_BYTES = 1024 * 1024;
/** Small files come with the body, which a host has to have anyway. */
export const MAX_INLINE_BYTES: number = 64 * 1024;
/** Bodies are held in memory by hosts and by the control plane. */
export const MAX_INLINE_TOTAL_BYTES: number = 4 * 1024 * 1024;

export interface BodyFiles {
  readonly files: readonly TravellingFile[];
  /** In merge order, absolute; empty when the source does not travel. */
  readonly composeFiles: readonly string[];
}

/**
 * What of its source a host needs: what is mounted, configs and secrets that are no short text, and, when it is small, the source itself, so
 * that `docker compose` works in the stack's folder. Pure.
 */
export function bodyFiles(
  { files, source, stack, textsRead }: Draft,
  model: ComposeModel,
  workingDirectory: string,
): BodyFiles {
  const needed = neededPaths(model);
  const mounted = files.filter(({ path }) => needed.some((one) => path === one || path.startsWith(`${one}/`)));
  const texts = files.filter(({ content }) => content !== undefined);
  if (texts.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0) > MAX_SOURCE_TEXT_BYTES) {
    return { files: mounted, composeFiles: [] };
  }
  const read = new Set(textsRead.map((path) => posix.join(workingDirectory, path)));
  const wanted = new Set([...mounted, ...texts, ...files.filter(({ path }) => read.has(path))]);
  const byPath = new Map(files.map((file) => [file.path, file]));
  const named = composeFilesOf(source.composeFiles, (path) => byPath.has(posix.join(workingDirectory, path)));
  const made = environmentFile(source, { stackName: stack.project, composeFiles: named, workingDirectory });
  return {
    files: [...wanted, ...(made === undefined || byPath.has(made.path) ? [] : [made])].toSorted(byPathOrder),
    composeFiles: named.map((path) => posix.join(workingDirectory, path)),
  };
}

function neededPaths(model: ComposeModel): string[] {
  const binds = Object.values(model.services).flatMap(({ volumes = [] }) =>
    volumes.flatMap(({ type, source }) => (type === "bind" && source !== undefined ? [source] : [])),
  );
  const objects = [...Object.values(model.configs ?? {}), ...Object.values(model.secrets ?? {})];
  return [...new Set([...binds, ...objects.flatMap(({ file }) => (file === undefined ? [] : [file]))])];
}

/** The same for the wire: small contents come along as far as there is room, the others by their digests. */
export function stackFiles(files: readonly TravellingFile[], contents: ReadonlyMap<string, Uint8Array>): StackFile[] {
  let inlined = 0;
  return files.map(({ kind, path, mode, uid, gid, digest, sizeBytes, linkTarget, content }) => {
    const bytes = content ?? contents.get(digest);
    const fits = sizeBytes <= MAX_INLINE_BYTES && inlined + sizeBytes <= MAX_INLINE_TOTAL_BYTES;
    const inline = kind === "file" && bytes !== undefined && fits;
    if (inline) inlined += sizeBytes;
    return {
      path,
      content: inline ? bytes : new Uint8Array(),
      mode,
      digest: inline ? "" : digest,
      sizeBytes: BigInt(sizeBytes),
      uid,
      gid,
      linkTarget,
      folder: kind === "folder",
    };
  });
}

function byPathOrder(a: TravellingFile, b: TravellingFile): number {
  return a.path < b.path ? -1 : 1;
}
