import { posix } from "node:path";
import { MAX_FILE_BYTES, MAX_LOADED_FILES, MAX_TOTAL_BYTES } from "./limits.ts";
import { type ParsedFile, parseComposeFile } from "./parse.ts";
import { fail, type KeyPath, type Position } from "./problem.ts";

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
  readonly #files: ReadonlyMap<string, string>;
  readonly #names: ReadonlyMap<string, string>;
  readonly #parsed = new Map<string, ParsedFile>();
  #reads = 0;
  #bytes = 0;

  /** @param files paths, absolute or relative to the working directory, with their text */
  constructor(workingDir: string, files: ReadonlyMap<string, string>) {
    this.workingDir = absolutePath("/", workingDir);
    this.#files = files;
    const names = new Map<string, string>();
    for (const name of files.keys()) names.set(absolutePath(this.workingDir, name), name);
    this.#names = names;
  }

  /** The file at an absolute path; undefined when it was not handed in. */
  find(path: string): WorkspaceFile | undefined {
    const name = this.#names.get(path);
    const text = name === undefined ? undefined : this.#files.get(name);
    return name === undefined || text === undefined ? undefined : { path, name, text };
  }

  /** As {@link find}, and counts the reading against the limits of one rendering. */
  read(path: string, at: Position, keyPath: KeyPath): WorkspaceFile | undefined {
    const file = this.find(path);
    if (file === undefined) return undefined;
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
