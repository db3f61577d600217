import { createReadStream } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { readRelease, type FoundRelease } from "./read-release.ts";
import { createTurns, type Reader, type Turns } from "./turns.ts";

/** Releases that lie in this process's install folders. Other replicas may have others. */
export interface ReleaseCatalog {
  list(): Promise<FoundRelease[]>;
  find(releaseId: string): Promise<FoundRelease | undefined>;
  /**
   * A file's bytes from an offset on, in pieces of at most 64 kB. A limited number is read at a time; the others wait their turn.
   * Undefined when the release has no such file here.
   */
  read(reader: Reader, wanted: WantedFile): Promise<AsyncIterable<Uint8Array> | undefined>;
}

/** A file of a release, from an offset on. */
export interface WantedFile {
  readonly releaseId: string;
  readonly name: string;
  readonly offset: number;
}

// A folder of releases, newest and some before; more is somebody's archive.
const FOLDERS_MOST = 50;
const CHUNK_BYTES = 64 * 1024;
/** Of each a chunk is in memory: 32 MB. Hosts on slow links hold their place for long, so there are many; half of them is for one organization. */
const READ_AT_ONCE = 512;

/** @param keys see readRelease */
export function createReleaseCatalog(folders: readonly string[], keys: readonly string[]): ReleaseCatalog {
  const known = new Map<string, { readonly mark: string; readonly release: Promise<FoundRelease | undefined> }>();
  const turns = createTurns(READ_AT_ONCE);

  /** Read anew when a file of the folder has changed. */
  async function at(folder: string): Promise<FoundRelease | undefined> {
    const mark = await markOf(folder);
    if (mark === undefined) return undefined;
    const before = known.get(folder);
    if (before?.mark === mark) return before.release;
    const release = readRelease(folder, keys);
    known.set(folder, { mark, release });
    release.catch(() => known.delete(folder));
    return release;
  }

  async function list(): Promise<FoundRelease[]> {
    const found = new Map<string, FoundRelease>();
    for (const folder of await releaseFolders(folders)) {
      const release = await at(folder);
      // The same release may lie in two places: the first that can be given counts.
      if (release === undefined || found.get(release.facts.id)?.problem === "") continue;
      found.set(release.facts.id, release);
    }
    return [...found.values()];
  }
  const find = async (releaseId: string): Promise<FoundRelease | undefined> =>
    (await list()).find(({ facts }) => facts.id === releaseId);

  return {
    list,
    find,
    read: async (reader, { releaseId, name, offset }) => {
      const release = await find(releaseId);
      const file = release?.facts.files.find((one) => one.name === name);
      if (release === undefined || release.problem !== "" || file === undefined || offset > file.sizeBytes)
        return undefined;
      return inTurn(turns, reader, (signal) =>
        createReadStream(join(release.folder, name), { start: offset, highWaterMark: CHUNK_BYTES, signal }),
      );
    },
  };
}

/** The folders themselves, and those right below them, as far as they hold checksums. */
async function releaseFolders(folders: readonly string[]): Promise<string[]> {
  const found: string[] = [];
  for (const folder of folders) {
    const below = await readdir(folder, { withFileTypes: true }).catch(() => []);
    const names = below.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
    for (const candidate of [
      folder,
      ...names
        .toSorted()
        .toReversed()
        .map((name) => join(folder, name)),
    ]) {
      if (found.length >= FOLDERS_MOST) return found;
      if (await isFile(join(candidate, "SHA256SUMS"))) found.push(candidate);
    }
  }
  return found;
}

async function isFile(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isFile() === true;
}

/** Names, sizes and times of its files: another mark, and it is read again. */
async function markOf(folder: string): Promise<string | undefined> {
  const names = await readdir(folder).catch(() => undefined);
  if (names === undefined) return undefined;
  const marks: string[] = [];
  for (const name of names.toSorted()) {
    const found = await stat(join(folder, name)).catch(() => undefined);
    if (found?.isFile() === true) marks.push(`${name} ${found.size} ${found.mtimeMs} ${found.ino}`);
  }
  return marks.join("\n");
}

/** The bytes, once there is a place; the place is left with their end. */
async function* inTurn(
  turns: Turns,
  reader: Reader,
  start: (signal: AbortSignal) => AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  const { signal, leave } = await turns.take(reader);
  try {
    yield* start(signal);
  } catch (error) {
    // Rather why it was ended than that it was.
    signal.throwIfAborted();
    throw error;
  } finally {
    leave();
  }
}
