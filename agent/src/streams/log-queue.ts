import type { LogChunk, LogEntry } from "@windflow/proto/agent";

/** What a reader who fell behind may still get, in bytes of text. */
const MAX_QUEUED_BYTES = 512 * 1024;
/** One message; small enough that the credit of 64 kB is used in several. */
const CHUNK_BYTES = 16 * 1024;
/** Beside the text, an entry costs its time and framing; empty lines must not be free. */
const ENTRY_OVERHEAD_BYTES = 16;

/** Log entries on their way to a reader. */
export interface LogQueue {
  push(entry: LogEntry): void;
  readonly isEmpty: boolean;
  /** More is queued than a reader is kept waiting for. */
  readonly isFull: boolean;
  /** The next message with its cost in credit. */
  take(): { readonly chunk: LogChunk; readonly bytes: number };
}

/** @param dropOldest for a reader that follows: better the newest lines and the number of those left out than a growing delay. */
export function createLogQueue(dropOldest: boolean): LogQueue {
  let entries: LogEntry[] = [];
  let bytes = 0;
  let dropped = 0;
  return {
    push: (entry) => {
      entries.push(entry);
      bytes += cost(entry);
      if (!dropOldest) return;
      let surplus = 0;
      while (bytes > MAX_QUEUED_BYTES && surplus < entries.length - 1) bytes -= cost(entries[surplus++]);
      if (surplus > 0) entries = entries.slice(surplus);
      dropped += surplus;
    },
    get isEmpty() {
      return entries.length === 0;
    },
    get isFull() {
      return bytes > MAX_QUEUED_BYTES;
    },
    take: () => {
      let count = 0;
      let size = 0;
      while (count < entries.length && (count === 0 || size < CHUNK_BYTES)) size += cost(entries[count++]);
      const chunk = { entries: entries.slice(0, count), dropped };
      entries = entries.slice(count);
      bytes -= size;
      dropped = 0;
      return { chunk, bytes: chunk.entries.reduce((sum, entry) => sum + Buffer.byteLength(entry.text), 0) };
    },
  };
}

function cost(entry: LogEntry | undefined): number {
  return entry === undefined ? 0 : entry.text.length + ENTRY_OVERHEAD_BYTES;
}
