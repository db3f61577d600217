import { closeSync, openSync, readFileSync, readSync, readdirSync, rmSync, truncateSync } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { join } from "node:path";
import { PRIVATE_FILE, makePrivateFolder, syncFolder } from "../platform/durable-file.ts";
import { RECORD_HEADER_BYTES, type SpoolRecord, decodeRecords, encodeRecord } from "./record.ts";

/** One file of consecutive records, named by the first of them. */
interface Segment {
  readonly path: string;
  readonly first: bigint;
  /** `first - 1` while it is empty. */
  last: bigint;
  bytes: number;
}

/** Between two records of a file. */
interface Place {
  readonly segment: Segment;
  /** The record before it. */
  readonly sequence: bigint;
  readonly at: number;
}

/** Numbered records in files of limited size. One append at a time. */
export interface SegmentLog {
  /** Highest number that is on disk and synced; 0 in a new log. */
  readonly last: bigint;
  /** Lowest number that is still on disk; `last + 1` when there is none. */
  readonly first: bigint;
  readonly bytes: number;
  /** Cut off at opening: what was being written when the machine stopped. */
  readonly tornBytes: number;
  /** Resolves when the payloads are synced; rejects with nothing of them counted. */
  append(payloads: readonly Uint8Array[]): Promise<void>;
  /** Records after a number, in order, up to about `maxBytes` of payload but at least one; empty at the end. */
  read(after: bigint, maxBytes: number): SpoolRecord[];
  /** Removes the files of which every record is at or before the number. The newest stays: it carries the numbering. */
  dropThrough(sequence: bigint): void;
  /** Removes the oldest file. @returns how many records it had; 0 when only the newest is left. */
  dropOldest(): bigint;
  close(): Promise<void>;
}

const NAME = /^(\d{20})\.spool$/;

export function openSegmentLog(folder: string, segmentBytes: number): SegmentLog {
  makePrivateFolder(folder);
  const recovered = recover(folder);
  const { segments } = recovered;
  let last = segments.at(-1)?.last ?? 0n;
  let open: { readonly handle: FileHandle; readonly segment: Segment } | undefined;
  /** Where the last read ended: who sends goes on from there, and a segment is thousands of records. */
  let reached: Place | undefined;

  const writable = async (): Promise<{ readonly handle: FileHandle; readonly segment: Segment }> => {
    if (open !== undefined && open.segment.bytes < segmentBytes) return open;
    await open?.handle.close();
    open = undefined;
    const newest = segments.at(-1);
    if (newest !== undefined && newest.bytes < segmentBytes) {
      open = { handle: await openFile(newest.path, "r+"), segment: newest };
    } else {
      const first = last + 1n;
      const segment = { path: join(folder, `${String(first).padStart(20, "0")}.spool`), first, last, bytes: 0 };
      open = { handle: await openFile(segment.path, "w"), segment };
      segments.push(segment);
      syncFolder(folder);
    }
    return open;
  };
  const remove = (segment: Segment): void => {
    segments.splice(segments.indexOf(segment), 1);
    rmSync(segment.path, { force: true });
  };

  return {
    get last() {
      return last;
    },
    get first() {
      return segments[0]?.first ?? last + 1n;
    },
    get bytes() {
      return segments.reduce((sum, segment) => sum + segment.bytes, 0);
    },
    tornBytes: recovered.tornBytes,
    append: async (payloads) => {
      const { handle, segment } = await writable();
      const bytes = Buffer.concat(
        payloads.map((payload, i) => encodeRecord({ sequence: last + BigInt(i + 1), payload })),
      );
      // At a fixed place: what an earlier failure left half written is overwritten.
      for (let at = 0; at < bytes.length;) {
        at += (await handle.write(bytes, at, bytes.length - at, segment.bytes + at)).bytesWritten;
      }
      await handle.datasync();
      last += BigInt(payloads.length);
      segment.last = last;
      segment.bytes += bytes.length;
    },
    read: (after, maxBytes) => {
      if (after >= last) return [];
      const segment = segments.find((candidate) => candidate.last > after);
      if (segment === undefined) return [];
      const goesOn = reached?.segment === segment && reached.sequence === after;
      const taken = readSegment(segment, goesOn && reached !== undefined ? reached.at : 0, after, maxBytes);
      reached = { segment, sequence: taken.records.at(-1)?.sequence ?? after, at: taken.end };
      return taken.records;
    },
    dropThrough: (sequence) => {
      for (const segment of segments.slice(0, -1)) if (segment.last <= sequence) remove(segment);
    },
    dropOldest: () => {
      const [oldest] = segments;
      if (oldest === undefined || segments.length === 1) return 0n;
      remove(oldest);
      return oldest.last - oldest.first + 1n;
    },
    close: async () => {
      await open?.handle.close();
      open = undefined;
    },
  };
}

const openFile = (path: string, flags: string): Promise<FileHandle> => open(path, flags, PRIVATE_FILE);

// Each file is synced before the next is begun, so only the newest can be torn by a power cut.
function recover(folder: string): { segments: Segment[]; tornBytes: number } {
  let tornBytes = 0;
  const names = readdirSync(folder).filter((name) => NAME.test(name));
  const segments = names.toSorted().map((name): Segment => {
    const path = join(folder, name);
    const content = readFileSync(path);
    const { records, validBytes } = decodeRecords(content);
    if (validBytes < content.length) {
      tornBytes += content.length - validBytes;
      truncateSync(path, validBytes);
    }
    const first = BigInt(NAME.exec(name)?.[1] ?? 0);
    return { path, first, last: records.at(-1)?.sequence ?? first - 1n, bytes: validBytes };
  });
  return { segments, tornBytes };
}

/** @param at where a record begins; those up to `after` are passed over. @returns the records, and where the last one ends. */
function readSegment(
  segment: Segment,
  at: number,
  after: bigint,
  maxBytes: number,
): { readonly records: SpoolRecord[]; readonly end: number } {
  const file = openSync(segment.path, "r");
  try {
    const records: SpoolRecord[] = [];
    let room = maxBytes;
    let end = at;
    let piece = maxBytes + RECORD_HEADER_BYTES;
    while (records.length === 0 && end < segment.bytes) {
      const { records: whole } = decodeRecords(readAt(file, end, Math.min(piece, segment.bytes - end)));
      if (whole.length === 0) {
        // Damaged, if it is not just larger than what was asked for.
        if (piece >= segment.bytes - end) break;
        piece = segment.bytes - end;
      }
      for (const record of whole) {
        const { length } = record.payload;
        if (record.sequence > after) {
          if (records.length > 0 && length > room) break;
          records.push(record);
          room -= length;
        }
        end += RECORD_HEADER_BYTES + length;
      }
    }
    return { records, end };
  } finally {
    closeSync(file);
  }
}

function readAt(file: number, position: number, length: number): Buffer {
  const bytes = Buffer.allocUnsafe(length);
  return bytes.subarray(0, readSync(file, bytes, 0, length, position));
}
