import { existsSync, statSync, statfsSync } from "node:fs";
import { dirname } from "node:path";
import { sizeText } from "@windflow/core";

/** Bytes that are to be written below a folder, which need not be there yet. */
export interface Need {
  readonly folder: string;
  readonly bytes: number;
}

// A full disk stops the engine, its databases and the agent's own state: this much is left to them.
const RESERVE_BYTES = 256 * 1024 * 1024;

/** Why what is needed does not fit, in words; undefined when it does. Needs on one file system count together. */
export function lackOfRoom(needs: readonly Need[]): string | undefined {
  const disks = new Map<number, Need>();
  for (const { folder, bytes } of needs) {
    if (bytes === 0) continue;
    const there = nearest(folder);
    const { dev } = statSync(there);
    disks.set(dev, { folder: there, bytes: bytes + (disks.get(dev)?.bytes ?? 0) });
  }
  for (const { folder, bytes } of disks.values()) {
    const free = freeBytes(folder);
    if (bytes + RESERVE_BYTES > free)
      return `needs ${sizeText(bytes)}, and ${sizeText(free)} are free on the file system of ${folder}, of which ${sizeText(RESERVE_BYTES)} stay reserved`;
  }
  return undefined;
}

/** Of the file system of a folder that is there. */
export function freeBytes(folder: string): number {
  const { bavail, bsize } = statfsSync(folder);
  return bavail * bsize;
}

function nearest(folder: string): string {
  let at = folder;
  while (!existsSync(at)) at = dirname(at);
  return at;
}
