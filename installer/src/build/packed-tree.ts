import { lstat, readFile, readdir, readlink } from "node:fs/promises";
import { join } from "node:path";
import { constants, zstdCompressSync } from "node:zlib";

// Higher levels take ten times as long and save 2 MB of 17.
const ZSTD_LEVEL = 12;
const OWNER_EXECUTES = 0o100;

/** What control-plane/src/platform/packaged/file-tree.ts unpacks. */
type PackedEntry =
  | { path: string; kind: "folder" }
  | { path: string; kind: "file"; bytes: number; executable: boolean }
  | { path: string; kind: "link"; to: string };

/** A file or folder on this disk, and its path in the tree. */
export interface PackedPart {
  from: string;
  to: string;
  /** Path below `to` → whether it goes into the tree. */
  keep?: (path: string) => boolean;
  /** Links to make in it: path below `to` → what it says. Those that are on the disk are passed over. */
  links?: ReadonlyMap<string, string>;
}

/** Packs files into one compressed piece: the same files give the same bytes, whatever their owners and times. */
export async function packTreeForProgram(parts: readonly PackedPart[]): Promise<Buffer> {
  const entries: PackedEntry[] = [];
  const bodies: Buffer[] = [];
  for (const part of parts.toSorted((a, b) => (a.to < b.to ? -1 : 1))) {
    for (const folder of parentsOf(part.to))
      if (!entries.some(({ path }) => path === folder)) entries.push({ path: folder, kind: "folder" });
    await addPart(part, entries, bodies);
  }
  const index = Buffer.from(JSON.stringify(entries));
  const length = Buffer.alloc(4);
  length.writeUInt32BE(index.length);
  return zstdCompressSync(Buffer.concat([length, index, ...bodies]), {
    params: { [constants.ZSTD_c_compressionLevel]: ZSTD_LEVEL },
  });
}

async function addPart(part: PackedPart, entries: PackedEntry[], bodies: Buffer[]): Promise<void> {
  const { from, to, keep = () => true, links = new Map<string, string>() } = part;
  const addFile = async (path: string, source: string, mode: number): Promise<void> => {
    const body = await readFile(source);
    bodies.push(body);
    entries.push({ path, kind: "file", bytes: body.length, executable: (mode & OWNER_EXECUTES) !== 0 });
  };
  const top = await lstat(from);
  if (!top.isDirectory()) return addFile(to, from, top.mode);
  entries.push({ path: to, kind: "folder" });
  const found = (await readdir(from, { recursive: true })).filter((name) => !links.has(name) && keep(name));
  for (const name of [...found, ...links.keys()].toSorted()) {
    const path = `${to}/${name}`;
    const said = links.get(name);
    if (said !== undefined) {
      entries.push({ path, kind: "link", to: said });
      continue;
    }
    const source = join(from, name);
    const entry = await lstat(source);
    if (entry.isDirectory()) entries.push({ path, kind: "folder" });
    else if (entry.isSymbolicLink()) entries.push({ path, kind: "link", to: await readlink(source) });
    else await addFile(path, source, entry.mode);
  }
}

function parentsOf(path: string): string[] {
  const parts = path.split("/").slice(0, -1);
  return parts.map((_, index) => parts.slice(0, index + 1).join("/"));
}
