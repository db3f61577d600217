import type { UnitOfWork } from "../platform/index.ts";
import type { FilePiece, StoredFile } from "./model.ts";

/** A whole file, to be read while nothing is held open in the database. */
export interface OpenedFile {
  readonly sizeBytes: number;
  /** In pieces of at most 64 kB; a unit of work for every few of them. Throws when the file is removed meanwhile. */
  readFrom(offset: number): AsyncIterable<Uint8Array>;
}

/** Who needs files: nobody removes them while it does. */
export interface FileHolder {
  /** e.g. `revision:stk_x:3`. */
  readonly id: string;
  /** The files are let go with this stack. */
  readonly stackId?: string;
}

/** Stored files, for the domains that are made of them. Every file is known to its organization alone. */
export interface FileStore {
  /** The whole ones among these: digest → bytes. The empty file is always there. */
  sizesOf(tx: UnitOfWork, digests: readonly string[]): Promise<Map<string, number>>;
  /**
   * Adds a piece of a file of at most MAX_LAYER_BYTES, in units of work of its own. With the last byte the digest is compared: receivedBytes equals sizeBytes when it is
   * whole. Throws WF_FILE_DIGEST_MISMATCH, WF_FILE_OFFSET, WF_FILES_QUOTA, WF_FILES_DISK_FULL.
   */
  put(organizationId: string, piece: FilePiece): Promise<StoredFile>;
  /** Stores bytes that are at hand; costs little when they are there already. Outside of a unit of work. */
  write(organizationId: string, content: Uint8Array): Promise<void>;
  /** Undefined when it is not whole. */
  open(tx: UnitOfWork, digest: string): Promise<OpenedFile | undefined>;
  /** The bytes of a small one; undefined when it is not whole, or larger than `maxBytes`. */
  bytesOf(tx: UnitOfWork, digest: string, maxBytes: number): Promise<Uint8Array | undefined>;
  /** Keeps files from now on. Throws WF_FILE_NOT_STORED, naming those that are not whole. */
  hold(tx: UnitOfWork, holder: FileHolder, digests: readonly string[]): Promise<void>;
  release(tx: UnitOfWork, holderId: string): Promise<void>;
  /** How much is stored of a file, whole or not; 0 when nothing is. */
  receivedBytes(tx: UnitOfWork, digest: string): Promise<number>;
  /** Removes those among these that nobody holds. Outside of a unit of work: large ones go in parts. */
  discard(organizationId: string, digests: readonly string[]): Promise<void>;
  /** True when one of the holders needs the file. */
  isHeld(tx: UnitOfWork, holderIds: readonly string[], digest: string): Promise<boolean>;
}
