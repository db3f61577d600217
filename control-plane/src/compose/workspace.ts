import { posix } from "node:path";
import { MAX_CONTENT_LENGTH, MAX_FILE_BYTES, MAX_LOADED_FILES, MAX_TOTAL_BYTES } from "./limits.ts";
import { type ParsedFile, parseComposeFile } from "./parse.ts";
import { fail, type KeyPath, type Position } from "./problem.ts";
import { type Attachment, SourceTree } from "./source-tree.ts";

export interface WorkspaceFile {
  /** Absolute, without `.` and `..`. */
  readonly path: string;
  /** The path under which it was handed in, for people. */
  readonly name: string;
  readonly text: string;
}

/** The files that a rendering may read. Nothing outside of them exists. */
export class Workspace {
  readonly workingDir: string;
  /** Names of attachments that would have been read, had their text been at hand. */
  readonly wantedTexts: Set<string> = new Set();
  readonly #files: ReadonlyMap<string, string>;
  readonly #names: ReadonlyMap<string, string>;
  readonly #attachments: ReadonlyMap<string, Attachment & { readonly name: string }>;
  readonly #parsed = new Map<string, ParsedFile>();
  #tree: SourceTree | undefined;
  #reads = 0;
  #bytes = 0;

  /**
   * @param files paths, absolute or relative to the working directory, with their text
   * @param attachments other files by such paths; one whose text was read is among `files` too
   */
  constructor(
    workingDir: string,
    files: ReadonlyMap<string, string>,
    attachments: ReadonlyMap<string, Attachment> = new Map(),
  ) {
    this.workingDir = absolutePath("/", workingDir);
    this.#files = files;
    const names = new Map<string, string>();
    for (const name of files.keys()) names.set(absolutePath(this.workingDir, name), name);
    this.#names = names;
    const attached = [...attachments].map(
      ([name, file]) => [absolutePath(this.workingDir, name), { ...file, name }] as const,
    );
    this.#attachments = new Map(attached);
  }

  /** Everything that there is, by absolute paths. */
  get tree(): SourceTree {
    this.#tree ??= new SourceTree(this.#names.keys(), this.#attachments);
    return this.#tree;
  }

  /** The file at an absolute path; undefined when it was not handed in, or not as text. */
  find(path: string): WorkspaceFile | undefined {
    const name = this.#names.get(path);
    const text = name === undefined ? undefined : this.#files.get(name);
    if (name !== undefined && text !== undefined) return { path, name, text };
    if (this.#attachments.size === 0) return undefined;
    const real = this.tree.follow(path);
    if (real !== undefined && real !== path) return this.find(real);
    const attached = this.#attachments.get(path);
    if (attached?.kind === "file" && attached.binary !== true && attached.sizeBytes <= MAX_FILE_BYTES) {
      this.wantedTexts.add(attached.name);
    }
    return undefined;
  }

  /** Text of a config or secret, if it is text and short enough to stand in the model. */
  content(path: string): string | undefined {
    const attached = this.#attachedAt(path);
    if (attached !== undefined && attached.sizeBytes > MAX_CONTENT_LENGTH) return undefined;
    const text = this.find(path)?.text;
    return text === undefined || text.length > MAX_CONTENT_LENGTH ? undefined : text;
  }

  /** As {@link find}, and counts the reading against the limits of one rendering. */
  read(path: string, at: Position, keyPath: KeyPath): WorkspaceFile | undefined {
    const file = this.find(path);
    if (file === undefined) return this.#refuseBinary(path, at, keyPath);
    this.#reads += 1;
    this.#bytes += file.text.length;
    if (file.text.length > MAX_FILE_BYTES) {
      fail("WF_COMPOSE_LIMIT", { file: file.name, line: 1, column: 1 }, [], {
        what: `the file ${file.name} is too large`,
        why: `it has ${file.text.length} bytes, and ${MAX_FILE_BYTES} are allowed`,
        fix: "split it with include, or generate fewer services",
      });
    }
    if (this.#reads > MAX_LOADED_FILES || this.#bytes > MAX_TOTAL_BYTES) {
      fail("WF_COMPOSE_LIMIT", at, keyPath, {
        what: "too many files are loaded",
        why: `one rendering reads at most ${MAX_LOADED_FILES} files and ${MAX_TOTAL_BYTES} bytes`,
        fix: "use fewer include and extends",
      });
    }
    return file;
  }

  #attachedAt(path: string): (Attachment & { readonly name: string }) | undefined {
    return this.#attachments.size === 0 ? undefined : this.#attachments.get(this.tree.follow(path) ?? path);
  }

  // A file that is there, and is not one to be read, is another fault than one that is not there.
  #refuseBinary(path: string, at: Position, keyPath: KeyPath): undefined {
    const attached = this.#attachedAt(path);
    if (attached?.kind !== "file") return undefined;
    if (attached.sizeBytes <= MAX_FILE_BYTES && attached.binary !== true) return undefined;
    fail("WF_COMPOSE_LIMIT", at, keyPath, {
      what: `the file ${attached.name} cannot be read as text`,
      why: attached.binary === true ? "it is not UTF-8 text" : `it has more than ${MAX_FILE_BYTES} bytes`,
      fix: "name another file, or replace it by a text",
    });
  }

  /** The parsed documents of a file; parsed once however often it is extended. */
  parse(file: WorkspaceFile): ParsedFile {
    const known = this.#parsed.get(file.path);
    if (known !== undefined) return known;
    const parsed = parseComposeFile(file.name, file.text);
    this.#parsed.set(file.path, parsed);
    return parsed;
  }
}

// Most paths need no work, and there is one for every file of a stack in every rendering.
const CLEAN = /^(\/[^/.][^/]*)+$/;

/** A path made absolute and clean. */
export function absolutePath(folder: string, path: string): string {
  if (CLEAN.test(path)) return path;
  const joined = posix.isAbsolute(path) ? posix.normalize(path) : posix.join(folder, path);
  return joined.length > 1 && joined.endsWith("/") ? joined.slice(0, -1) : joined;
}

export function folderOf(path: string): string {
  return posix.dirname(path);
}
