import { posix } from "node:path";
import { sha256Digest } from "@windflow/core";
import type { TravellingFile } from "../files/index.ts";
import type { SourceFile, StackSource } from "./model.ts";

// What a file and a folder of a project have after a checkout by root.
const FILE_MODE = 0o644;
const FOLDER_MODE = 0o755;
const LINK_MODE = 0o777;

/**
 * Every file of the source as hosts would have it, by path.
 * @param sizes of the stored contents
 */
export function sourceFiles(
  source: StackSource,
  workingDirectory: string,
  sizes: ReadonlyMap<string, number>,
): TravellingFile[] {
  return [
    ...Object.entries(source.files).map(([path, text]) => textFile(posix.join(workingDirectory, path), text)),
    ...source.attachments.map((file) => attachedFile(posix.join(workingDirectory, file.path), file, sizes)),
  ].toSorted((a, b) => (a.path < b.path ? -1 : 1));
}

export function textFile(path: string, text: string): TravellingFile {
  const content = Buffer.from(text);
  const digest = sha256Digest(content);
  const sizeBytes = content.length;
  return { kind: "file", path, mode: FILE_MODE, uid: 0, gid: 0, digest, sizeBytes, linkTarget: "", content };
}

function attachedFile(path: string, file: SourceFile, sizes: ReadonlyMap<string, number>): TravellingFile {
  const { digest, mode, uid, gid, linkTarget, folder } = file;
  if (linkTarget !== "") return { kind: "link", path, mode: LINK_MODE, uid, gid, digest: "", sizeBytes: 0, linkTarget };
  const usual = folder ? FOLDER_MODE : FILE_MODE;
  return {
    kind: folder ? "folder" : "file",
    path,
    mode: mode === 0 ? usual : mode,
    uid,
    gid,
    digest,
    sizeBytes: sizes.get(digest) ?? 0,
    linkTarget: "",
  };
}
