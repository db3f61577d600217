import { closeSync, openSync, readFileSync, readSync } from "node:fs";

/** Larger than what the kernel writes of one control group. Only the part of it that is used is in memory. */
const MOST_BYTES = 64 * 1024;

let buffer: Buffer | undefined;

/** A small text of the kernel that is read over and over. */
export interface KernelFile {
  /** As it is now; undefined once what it is about is gone. */
  read(): string | undefined;
  close(): void;
}

/**
 * Keeps a file of the kernel open: reading it again is a sixth of finding it, opening it and closing it. What it is about may
 * go nevertheless.
 * @throws an error of node:fs when it is not there
 */
export function openKernelFile(path: string): KernelFile {
  const file = openSync(path, "r");
  buffer ??= Buffer.allocUnsafeSlow(MOST_BYTES);
  const into = buffer;
  return {
    read: () => {
      try {
        return into.toString("latin1", 0, readSync(file, into, 0, MOST_BYTES, 0));
      } catch {
        return undefined;
      }
    },
    close: () => closeSync(file),
  };
}

/** The same without keeping it open, for when there are many. @throws as {@link openKernelFile} */
export function findKernelFile(path: string): KernelFile {
  closeSync(openSync(path, "r"));
  return {
    read: () => textIfThere(path),
    close: () => undefined,
  };
}

/** undefined when the file is gone: containers end while they are looked at. */
export function textIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}
