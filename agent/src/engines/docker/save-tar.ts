// Reads archives that engines make: ustar, with the long names of pax and of GNU tar.
const BLOCK = 512;
const REGULAR = new Set(["0", "\0", ""]);
// Names and links only; an engine writes nothing longer there.
const MAXIMUM_EXTENSION_BYTES = 1024 * 1024;

export interface TarEntry {
  readonly name: string;
  readonly kind: "file" | "link" | "other";
  readonly sizeBytes: number;
  /** Of a link: what it points to. */
  readonly linkTarget: string;
  /** Has to be read, or left alone, before the next entry is asked for. */
  readonly content: AsyncIterable<Buffer>;
}

/** The entries of an archive, in order, never more than a piece of it in memory. Whoever stops early ends the archive too. */
export async function* readTar(archive: AsyncIterable<Uint8Array>): AsyncGenerator<TarEntry, void> {
  const source = archive[Symbol.asyncIterator]();
  try {
    yield* entriesOf(createPieces(source));
  } finally {
    await source.return?.();
  }
}

async function* entriesOf(pieces: Pieces): AsyncGenerator<TarEntry, void> {
  let longName: string | undefined;
  let longLink: string | undefined;
  for (;;) {
    const header = await pieces.exactly(BLOCK);
    if (header === undefined || header.every((byte) => byte === 0)) {
      await pieces.drain();
      return;
    }
    const size = sizeOf(header);
    const kind = text(header, 156, 1);
    const padding = (BLOCK - (size % BLOCK)) % BLOCK;
    if (kind === "x" || kind === "g" || kind === "L" || kind === "K") {
      if (size > MAXIMUM_EXTENSION_BYTES) throw new Error("the engine's archive has a name that is too long");
      const extension = (await pieces.exactly(size + padding))?.subarray(0, size) ?? Buffer.alloc(0);
      if (kind === "x") ({ path: longName = longName, linkpath: longLink = longLink } = paxRecords(extension));
      if (kind === "L") longName = untilZero(extension);
      if (kind === "K") longLink = untilZero(extension);
      continue;
    }
    const prefix = text(header, 257, 5) === "ustar" ? text(header, 345, 155) : "";
    const shortName = text(header, 0, 100);
    let left = size;
    async function* content(): AsyncGenerator<Buffer> {
      while (left > 0) {
        const piece = await pieces.upTo(left);
        left -= piece.length;
        yield piece;
      }
    }
    yield {
      name: longName ?? (prefix === "" ? shortName : `${prefix}/${shortName}`),
      kind: REGULAR.has(kind) ? "file" : kind === "1" || kind === "2" ? "link" : "other",
      sizeBytes: size,
      linkTarget: longLink ?? text(header, 157, 100),
      content: content(),
    };
    while (left > 0) left -= (await pieces.upTo(left)).length;
    await pieces.exactly(padding);
    longName = undefined;
    longLink = undefined;
  }
}

interface Pieces {
  /** Undefined at the end. */
  exactly(bytes: number): Promise<Buffer | undefined>;
  /** At least one byte, at most `bytes`. */
  upTo(bytes: number): Promise<Buffer>;
  drain(): Promise<void>;
}

function createPieces(source: AsyncIterator<Uint8Array>): Pieces {
  let held: Buffer = Buffer.alloc(0);
  const more = async (): Promise<boolean> => {
    const next = await source.next();
    if (next.done === true) return false;
    held = held.length === 0 ? Buffer.from(next.value) : Buffer.concat([held, next.value]);
    return true;
  };
  const take = (bytes: number): Buffer => {
    const taken = held.subarray(0, bytes);
    held = held.subarray(bytes);
    return taken;
  };
  const cut = (): Error => new Error("the engine's archive ends in the middle");
  return {
    exactly: async (bytes) => {
      while (held.length < bytes) {
        if (await more()) continue;
        if (held.length === 0) return undefined;
        throw cut();
      }
      return take(bytes);
    },
    upTo: async (bytes) => {
      while (held.length === 0) if (!(await more())) throw cut();
      return take(bytes);
    },
    drain: async () => {
      do held = Buffer.alloc(0);
      while (await more());
    },
  };
}

function text(block: Buffer, start: number, length: number): string {
  return untilZero(block.subarray(start, start + length));
}

function untilZero(bytes: Buffer): string {
  const end = bytes.indexOf(0);
  return bytes.subarray(0, end < 0 ? bytes.length : end).toString("utf8");
}

// Octal digits, or a binary number for a file of 8 GiB and more.
function sizeOf(header: Buffer): number {
  if (((header[124] ?? 0) & 0x80) === 0) return Number.parseInt(text(header, 124, 12).trim() || "0", 8);
  return header.subarray(128, 136).reduce((sum, byte) => sum * 256 + byte, 0);
}

function paxRecords(bytes: Buffer): Record<string, string> {
  const records: Record<string, string> = {};
  for (let at = 0; at < bytes.length;) {
    const space = bytes.indexOf(0x20, at);
    const length = Number(bytes.subarray(at, space).toString());
    if (space < 0 || !(length > 0)) break;
    const [key = "", ...value] = bytes
      .subarray(space + 1, at + length - 1)
      .toString("utf8")
      .split("=");
    records[key] = value.join("=");
    at += length;
  }
  return records;
}
