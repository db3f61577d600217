import { posix } from "node:path";
import { sha256Digest } from "@windflow/core";
import type { TravellingFile } from "../files/index.ts";
import type { StackSource } from "./model.ts";

// What a text file of a project has after a checkout by root.
const TEXT_MODE = 0o644;

/** Every file of the source as hosts would have it, by path. */
export function sourceFiles(source: StackSource, workingDirectory: string): TravellingFile[] {
  return Object.entries(source.files)
    .map(([path, text]): TravellingFile => {
      const content = Buffer.from(text);
      return {
        kind: "file",
        path: posix.join(workingDirectory, path),
        mode: TEXT_MODE,
        uid: 0,
        gid: 0,
        digest: sha256Digest(content),
        sizeBytes: content.length,
        linkTarget: "",
        content,
      };
    })
    .toSorted((a, b) => (a.path < b.path ? -1 : 1));
}
