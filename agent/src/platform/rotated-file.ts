import { closeSync, fstatSync, openSync, renameSync, rmSync, writeSync } from "node:fs";
import { PRIVATE_FILE } from "./durable-file.ts";

/** How many files there are at most, the one that is written to included. */
export const ROTATED_FILES = 4;
/** Together with the count: 8 MB, which is months of an agent with nothing to complain about. */
const ROTATED_FILE_BYTES = 2 * 1024 * 1024;

/** FILE, FILE.1, FILE.2, …: the newest first. */
export function rotatedPaths(path: string): string[] {
  return [path, ...Array.from({ length: ROTATED_FILES - 1 }, (_, index) => `${path}.${index + 1}`)];
}

/**
 * Appends lines to a file that is renamed when it is full; the oldest goes. Synchronous, so that the last line before an end is there,
 * and never throws: a full disk must not end what only wanted to say so.
 */
export function openRotatedFile(path: string, maxBytes: number = ROTATED_FILE_BYTES): (line: string) => void {
  let open: { readonly descriptor: number; bytes: number } | undefined;

  const file = (): { readonly descriptor: number; bytes: number } => {
    if (open !== undefined) return open;
    const descriptor = openSync(path, "a", PRIVATE_FILE);
    open = { descriptor, bytes: fstatSync(descriptor).size };
    return open;
  };
  const close = (): void => {
    if (open !== undefined) closeSync(open.descriptor);
    open = undefined;
  };
  const rotate = (): void => {
    close();
    const paths = rotatedPaths(path);
    rmSync(paths.at(-1) ?? path, { force: true });
    for (let index = paths.length - 2; index >= 0; index--) {
      const [from = "", to = ""] = [paths[index], paths[index + 1]];
      try {
        renameSync(from, to);
      } catch {
        // There are not as many yet.
      }
    }
  };
  return (line) => {
    try {
      const bytes = Buffer.from(line);
      const { bytes: size } = file();
      if (size > 0 && size + bytes.length > maxBytes) rotate();
      const current = file();
      for (let at = 0; at < bytes.length;) at += writeSync(current.descriptor, bytes, at);
      current.bytes += bytes.length;
    } catch {
      // The next line tries again, with a file of its own if this one is gone.
      try {
        close();
      } catch {
        open = undefined;
      }
    }
  };
}
