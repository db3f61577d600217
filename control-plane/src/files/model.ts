/** A file of a stack as it lies on its hosts. */
export interface TravellingFile {
  readonly kind: "file" | "link" | "folder";
  /** Absolute, below the stack's folder as the model names it. */
  readonly path: string;
  /** Permission bits. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** `sha256:…` of the content; empty unless it is a file. */
  readonly digest: string;
  readonly sizeBytes: number;
  /** Empty unless it is a link. */
  readonly linkTarget: string;
  /** The content when it is at hand; else it is in the store under its digest. */
  readonly content?: Uint8Array;
}

export interface StoredFile {
  /** `sha256:…` of the whole content. */
  readonly digest: string;
  readonly sizeBytes: number;
  /** Where the next piece begins; smaller than the size until the digest was compared. */
  readonly receivedBytes: number;
}

export interface FilePiece {
  readonly digest: string;
  /** Of the whole file. */
  readonly sizeBytes: number;
  /** Where in the file the content begins. */
  readonly offset: number;
  readonly content: Uint8Array;
}

/** Stored nowhere and there for everybody. */
export const EMPTY_FILE = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/** That a person uploads: a model of that size is better given as an image. */
export const MAX_FILE_BYTES: number = 1024 * 1024 * 1024;

/** A layer of an image, which the control plane itself fetches and checks: those of models and toolchains have some gigabytes. */
export const MAX_LAYER_BYTES: number = 20 * 1024 * 1024 * 1024;

/** Of one organization, so that uploads cannot fill the disk of the database that everybody shares. */
export const MAX_ORGANIZATION_BYTES: number = 20 * 1024 * 1024 * 1024;

/** What a file costs of that at least: its rows are not free. */
export const LEAST_CHARGE_BYTES = 4096;

/** A piece that is not the last of its file: smaller ones would cost more rows than content. */
export const MIN_PIECE_BYTES: number = 64 * 1024;

/** What one statement removes of a file: 1,000 rows and half a second; all of a layer at once would take longer than a statement may. */
export const TRIMMED_BYTES: number = 256 * 1024 * 1024;

/** As much as a read holds in memory for each host that fetches. */
export const STORED_PIECE_BYTES: number = 256 * 1024;

/** What hosts are given at a time: their window of confirmed bytes. */
export const SENT_PIECE_BYTES: number = 64 * 1024;
