import { closeSync, existsSync, openSync, readFileSync, readSync, statSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { rotatedPaths } from "../platform/rotated-file.ts";
import { type LogLine, parseLogLine } from "./log-line.ts";

export interface Wanted {
  /** At most so many, the newest. */
  readonly lines: number;
  /** Milliseconds since 1970. */
  readonly sinceMs: number | undefined;
}

/** Bytes of the file that is written to. */
export function endOfLog(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}

/**
 * The newest lines of the rotated files of a log, oldest first; bounded, as the files are.
 * @param end of the file that is written to: what comes behind it belongs to who follows.
 */
export function readLogFiles(path: string, end: number, { lines, sinceMs }: Wanted): LogLine[] {
  const all = rotatedPaths(path)
    .toReversed()
    .filter((one) => existsSync(one))
    .map((one) => (one === path ? readFileSync(one).subarray(0, end) : readFileSync(one)))
    .flatMap((bytes) => bytes.toString().split("\n"))
    .filter((line) => line !== "")
    .map(parseLogLine);
  const first = sinceMs === undefined ? 0 : all.findIndex(({ atMs }) => atMs !== undefined && atMs >= sinceMs);
  if (first < 0) return [];
  // slice(-0) would be everything.
  return lines === 0 ? [] : all.slice(first).slice(-lines);
}

// A person looks; a log is a few lines a minute.
const FOLLOW_EVERY_MS = 250;
const PIECE_BYTES = 64 * 1024;

/** What is written behind an end, over rotations, until the signal aborts. */
export async function* followLogFile(path: string, end: number, signal: AbortSignal): AsyncGenerator<LogLine> {
  let file = open(path);
  let at = end;
  let rest = "";
  try {
    while (!signal.aborted) {
      if (file !== undefined) {
        const piece = Buffer.alloc(PIECE_BYTES);
        const length = readSync(file.descriptor, piece, 0, piece.length, at);
        at += length;
        const lines = (rest + piece.toString("utf8", 0, length)).split("\n");
        rest = lines.pop() ?? "";
        for (const line of lines) if (line !== "") yield parseLogLine(line);
        if (length === piece.length) continue;
      }
      // Another file under this name: the one before is read to its end, above.
      const now = statSync(path, { throwIfNoEntry: false });
      if (now !== undefined && now.ino !== file?.inode) {
        if (file !== undefined) closeSync(file.descriptor);
        file = open(path);
        at = 0;
        continue;
      }
      await sleep(FOLLOW_EVERY_MS, undefined, { signal }).catch(() => undefined);
    }
  } finally {
    if (file !== undefined) closeSync(file.descriptor);
  }
}

function open(path: string): { readonly descriptor: number; readonly inode: number } | undefined {
  try {
    const descriptor = openSync(path, "r");
    return { descriptor, inode: statSync(path).ino };
  } catch {
    return undefined;
  }
}
