// Writes archives for builds and loads as they are made: nothing is held but a piece.
const BLOCK = 512;
const NAME_BYTES = 100;
const TYPE = { file: "0", link: "2", folder: "5", extension: "x" } as const;
/** Numbers that have their place in a header; an identity beyond it has no meaning in an image. */
const MAXIMUM_ID = 0o7777777;
/** A layer of 8 GiB and more says its size in a record before its header. */
const MAXIMUM_SIZE = 0o77777777777;

export interface TarSource {
  readonly path: string;
  readonly kind: "file" | "link" | "folder";
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Of a file. */
  readonly sizeBytes: number;
  /** Of a link. */
  readonly linkTarget: string;
  /** Of a file: exactly `sizeBytes` bytes. */
  readonly content?: AsyncIterable<Uint8Array> | Iterable<Uint8Array>;
}

/** An archive of the entries, in their order. Times are zero, so that equal entries give equal bytes. */
export async function* writeTar(entries: Iterable<TarSource> | AsyncIterable<TarSource>): AsyncGenerator<Buffer, void> {
  for await (const entry of entries) {
    const path = entry.kind === "folder" ? `${entry.path}/` : entry.path;
    const size = entry.kind === "file" ? entry.sizeBytes : 0;
    yield* extension(path, entry.linkTarget, size);
    yield header({ ...entry, path, size, type: TYPE[entry.kind] });
    if (entry.kind !== "file") continue;
    let written = 0;
    for await (const piece of entry.content ?? []) {
      written += piece.length;
      yield Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength);
    }
    if (written !== size) throw new Error(`${entry.path} has ${written} bytes and was said to have ${size}`);
    yield padding(size);
  }
  yield Buffer.alloc(2 * BLOCK);
}

/** One entry of bytes that are at hand. */
export function smallFile(path: string, bytes: Uint8Array): TarSource {
  return { path, kind: "file", mode: 0o644, uid: 0, gid: 0, sizeBytes: bytes.length, linkTarget: "", content: [bytes] };
}

/** What has no place in the header of the entry that follows. */
function* extension(path: string, linkTarget: string, size: number): Generator<Buffer> {
  const records = [
    ...(Buffer.byteLength(path) > NAME_BYTES ? [paxRecord("path", path)] : []),
    ...(Buffer.byteLength(linkTarget) > NAME_BYTES ? [paxRecord("linkpath", linkTarget)] : []),
    ...(size > MAXIMUM_SIZE ? [paxRecord("size", String(size))] : []),
  ];
  if (records.length === 0) return;
  const bytes = Buffer.concat(records);
  const own = { path: "pax", linkTarget: "", mode: 0o644, uid: 0, gid: 0 };
  yield header({ ...own, size: bytes.length, type: TYPE.extension });
  yield bytes;
  yield padding(bytes.length);
}

// The length that begins a record counts itself.
function paxRecord(key: string, value: string): Buffer {
  const rest = Buffer.from(` ${key}=${value}\n`, "utf8");
  let length = rest.length + String(rest.length).length;
  if (String(length).length + rest.length !== length) length = rest.length + String(length).length;
  return Buffer.concat([Buffer.from(String(length)), rest]);
}

function header(entry: {
  readonly path: string;
  readonly linkTarget: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  readonly type: string;
}): Buffer {
  const block = Buffer.alloc(BLOCK);
  block.write(entry.path.slice(0, NAME_BYTES), 0, NAME_BYTES, "utf8");
  block.write(octal(entry.mode, 7), 100, "latin1");
  block.write(octal(Math.min(entry.uid, MAXIMUM_ID), 7), 108, "latin1");
  block.write(octal(Math.min(entry.gid, MAXIMUM_ID), 7), 116, "latin1");
  block.write(octal(Math.min(entry.size, MAXIMUM_SIZE), 11), 124, "latin1");
  block.write(octal(0, 11), 136, "latin1");
  // The checksum is taken with its own field full of spaces.
  block.write("        ", 148, "latin1");
  block.write(entry.type, 156, "latin1");
  block.write(entry.linkTarget.slice(0, NAME_BYTES), 157, NAME_BYTES, "utf8");
  block.write("ustar\u000000", 257, "latin1");
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${octal(sum, 6)}\u0000 `, 148, "latin1");
  return block;
}

function padding(size: number): Buffer {
  return Buffer.alloc((BLOCK - (size % BLOCK)) % BLOCK);
}

function octal(value: number, digits: number): string {
  return value.toString(8).padStart(digits, "0");
}
