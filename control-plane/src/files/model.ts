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
