import { posix } from "node:path";

/** A file of the stack that is not handed in as text. */
export interface Attachment {
  readonly kind: "file" | "link" | "folder";
  readonly sizeBytes: number;
  /** Of a link: relative, and inside the working directory. */
  readonly linkTarget: string;
  /** Its bytes were looked at, and are no text. */
  readonly binary?: boolean;
}

export type FileKind = "file" | "folder";

// As many as Linux follows.
const MAX_LINKS = 40;

/** What the stack has of files: paths are absolute and clean. A folder is there when something is in it. */
export class SourceTree {
  readonly #kinds = new Map<string, FileKind>();
  readonly #links = new Map<string, string>();

  constructor(texts: Iterable<string>, attachments: ReadonlyMap<string, Attachment>) {
    for (const path of texts) this.#add(path, "file");
    for (const [path, { kind, linkTarget }] of attachments) {
      if (kind === "link") {
        this.#links.set(path, linkTarget);
        this.#addFolders(path);
      } else this.#add(path, kind);
    }
  }

  /** What the path is, links followed; undefined when it is nothing of the stack's. */
  kindOf(path: string): FileKind | undefined {
    const real = this.follow(path);
    return real === undefined ? undefined : this.#kinds.get(real);
  }

  /** The path with its links followed; undefined when they lead round and round. */
  follow(path: string): string | undefined {
    let at = path;
    for (let hops = 0; hops <= MAX_LINKS; hops++) {
      const link = this.linkIn(at);
      if (link === undefined) return at;
      const target = posix.join(posix.dirname(link), this.#links.get(link) ?? "");
      at = posix.join(target, at.slice(link.length));
    }
    return undefined;
  }

  /** The first link on the way to a path, or the path itself when it is one. */
  linkIn(path: string): string | undefined {
    if (this.#links.size === 0) return undefined;
    for (let end = path.indexOf("/", 1); end !== -1; end = path.indexOf("/", end + 1)) {
      if (this.#links.has(path.slice(0, end))) return path.slice(0, end);
    }
    return this.#links.has(path) ? path : undefined;
  }

  #add(path: string, kind: FileKind): void {
    this.#kinds.set(path, kind);
    this.#addFolders(path);
  }

  #addFolders(path: string): void {
    for (let folder = posix.dirname(path); !this.#kinds.has(folder); folder = posix.dirname(folder)) {
      this.#kinds.set(folder, "folder");
    }
  }
}
