import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Clock } from "../platform/clock.ts";
import { makePrivateFolder, readIfThere, writeDurably } from "../platform/durable-file.ts";
import { type Log, reasonOf } from "../platform/log.ts";
import { MAX_PAYLOAD_BYTES, type SpoolRecord } from "./record.ts";
import { type SegmentLog, openSegmentLog } from "./segment-log.ts";

/** Entries of one moment share one sync; short enough that a live chart does not notice. */
const COMMIT_DELAY_MS = 100;
/** While the disk refuses to be written, this much waits in memory; the oldest goes first. */
const MAX_PENDING_BYTES = 2 * 1024 * 1024;
/** After a failed write; a full disk is not emptied by asking at once again. */
const RETRY_DELAY_MS = 5_000;
const COPY_BYTES = 256 * 1024;
const CURRENT_FILE = "current";
const ID = /^[A-Za-z0-9_-]{8,64}$/;

export interface SpoolOptions {
  readonly folder: string;
  /** Disk that it may take; beyond, the oldest segment goes and is counted. */
  readonly maxBytes: number;
  /** The unit in which it grows and shrinks. */
  readonly segmentBytes: number;
  /** Random name of a new spool: 8 to 64 letters and digits. */
  readonly newId: () => string;
  readonly clock: Clock;
  readonly log: Log;
}

/** A queue on disk of what must not be lost. Sequences rise by one from 1; only what is synced can be read, hence sent. */
export interface Spool {
  readonly spoolId: string;
  /** Highest sequence on disk, synced. */
  readonly durable: bigint;
  /** Entries given up since the agent started. */
  readonly dropped: bigint;
  /** Entries on disk that nobody has acknowledged. */
  readonly waiting: bigint;
  /** Disk that it takes. */
  readonly bytes: number;
  /** On disk within about 100 ms. */
  append(payload: Uint8Array): void;
  /** Entries after a sequence, in order; empty when there are none yet. */
  read(after: bigint, maxBytes: number): SpoolRecord[];
  /** What is stored on the other side need not stay here. */
  acknowledge(sequence: bigint): void;
  /**
   * Begins anew under another name with what is on disk. For a control plane that has more than this disk: the disk lost what it
   * had promised, and new entries under the old numbers would be taken for repetitions.
   */
  renew(): Promise<void>;
  /** Called when more can be read; one listener. */
  onDurable(listener: () => void): void;
  /** Resolves when everything appended so far is on disk or has failed once. */
  flush(): Promise<void>;
  close(): Promise<void>;
}

export function openSpool(options: SpoolOptions): Spool {
  const { folder, clock, log } = options;
  makePrivateFolder(folder);
  let spoolId = currentId(options);
  let records = openSegmentLog(join(folder, spoolId), options.segmentBytes);
  if (records.tornBytes > 0) {
    log("info", "The spool's end was torn and is cut off; nothing of it had been sent.", { bytes: records.tornBytes });
  }
  let pending: Uint8Array[] = [];
  let pendingBytes = 0;
  let dropped = 0n;
  let acknowledged = 0n;
  let cancelTimer: (() => void) | undefined;
  let working: Promise<void> = Promise.resolve();
  let listener: () => void = () => undefined;
  let closed = false;

  /** One act on the files at a time. */
  const queue = (act: () => Promise<void>): Promise<void> => {
    working = working.then(act).catch((error: unknown) => {
      log("error", "The spool cannot be written; it is tried again.", { path: folder, reason: reasonOf(error) });
      schedule(RETRY_DELAY_MS);
    });
    return working;
  };
  const schedule = (delayMs: number): void => {
    if (closed || cancelTimer !== undefined) return;
    cancelTimer = clock.after(delayMs, () => {
      cancelTimer = undefined;
      void queue(commit).catch(() => undefined);
    });
  };
  const commit = async (): Promise<void> => {
    const batch = pending;
    if (batch.length === 0) return;
    pending = [];
    pendingBytes = 0;
    try {
      await records.append(batch);
    } catch (error) {
      for (const payload of batch.concat(pending.splice(0))) hold(payload);
      throw error;
    }
    makeRoom();
    listener();
  };
  const hold = (payload: Uint8Array): void => {
    pending.push(payload);
    pendingBytes += payload.length;
    while (pendingBytes > MAX_PENDING_BYTES) {
      pendingBytes -= pending.shift()?.length ?? 0;
      dropped += 1n;
    }
  };
  const makeRoom = (): void => {
    while (records.bytes > options.maxBytes) {
      const count = records.dropOldest();
      if (count === 0n) return;
      dropped += count;
      log("warn", "The spool is full; its oldest entries are dropped.", { count: Number(count) });
    }
  };

  return {
    get spoolId() {
      return spoolId;
    },
    get durable() {
      return records.last;
    },
    get dropped() {
      return dropped;
    },
    get waiting() {
      const least = records.first - 1n;
      return records.last - (acknowledged > least ? acknowledged : least);
    },
    get bytes() {
      return records.bytes;
    },
    append: (payload) => {
      if (closed || payload.length > MAX_PAYLOAD_BYTES) {
        dropped += 1n;
        return;
      }
      hold(payload);
      schedule(COMMIT_DELAY_MS);
    },
    read: (after, maxBytes) => records.read(after, maxBytes),
    acknowledge: (sequence) => {
      acknowledged = sequence;
      records.dropThrough(sequence);
    },
    renew: () =>
      queue(async () => {
        const old = records;
        const oldId = spoolId;
        const id = options.newId();
        const fresh = await copyInto(join(folder, id), old, options.segmentBytes);
        writeDurably(join(folder, CURRENT_FILE), id);
        records = fresh;
        spoolId = id;
        acknowledged = 0n;
        await old.close();
        rmSync(join(folder, oldId), { recursive: true, force: true });
      }),
    onDurable: (callback) => {
      listener = callback;
    },
    flush: () => queue(commit),
    close: async () => {
      closed = true;
      cancelTimer?.();
      await queue(commit);
      await records.close();
    },
  };
}

function currentId(options: SpoolOptions): string {
  const path = join(options.folder, CURRENT_FILE);
  const stored = readIfThere(path)?.toString() ?? "";
  const id = ID.test(stored) ? stored : options.newId();
  if (id !== stored) writeDurably(path, id);
  // Left over from a renewal that a power cut ended.
  for (const name of readdirSync(options.folder)) {
    if (name !== CURRENT_FILE && name !== id) rmSync(join(options.folder, name), { recursive: true, force: true });
  }
  return id;
}

async function copyInto(folder: string, from: SegmentLog, segmentBytes: number): Promise<SegmentLog> {
  const to = openSegmentLog(folder, segmentBytes);
  let after = 0n;
  for (;;) {
    const batch = from.read(after, COPY_BYTES);
    if (batch.length === 0) return to;
    await to.append(batch.map((record) => record.payload));
    after = batch.at(-1)?.sequence ?? after;
  }
}
