/** What a person should hear of files on a host. */
export interface FilesEvent {
  readonly type: "files.kept" | "files.mended";
  readonly stackId: string;
  /** A sentence. */
  readonly message: string;
  /** Where it is. */
  readonly path: string;
}

export type TellFiles = (event: FilesEvent) => void;

/** `./conf` as a person wrote it. */
export function writtenPath(source: string): string {
  return source === "" ? "." : `./${source}`;
}
