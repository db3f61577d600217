import { createReadStream } from "node:fs";
import type { ContainerFile, FileContent } from "../../reconcile/engine.ts";

const BLOCK = 512;
const NAME_BYTES = 100;
const PREFIX_BYTES = 155;

/**
 * A ustar archive of the files, for extraction at `/`, in pieces: a file on disk is read while it is sent. Modification times are zero,
 * so that equal files give equal bytes.
 * @throws Error when a file is not of the size that it had.
 */
export async function* tarOf(files: readonly ContainerFile[]): AsyncGenerator<Buffer> {
  for (const file of files) {
    const { content } = file;
    const size = sizeOf(content);
    yield header(file, size);
    if (Buffer.isBuffer(content)) yield content;
    else yield* exactly(content.path, size);
    yield Buffer.alloc((BLOCK - (size % BLOCK)) % BLOCK);
  }
  yield Buffer.alloc(2 * BLOCK);
}

async function* exactly(path: string, size: number): AsyncGenerator<Buffer> {
  let length = 0;
  for await (const part of createReadStream(path)) {
    length += (part as Buffer).length;
    yield part as Buffer;
  }
  if (length !== size) throw new Error(`${path} has ${length} bytes and not ${size}: it was altered on disk`);
}

function sizeOf(content: FileContent): number {
  return Buffer.isBuffer(content) ? content.length : content.sizeBytes;
}

function header(file: ContainerFile, size: number): Buffer {
  const block = Buffer.alloc(BLOCK);
  const { name, prefix } = splitName(file.path.replace(/^\/+/, ""));
  block.write(name, 0, "utf8");
  block.write(octal(file.mode, 7), 100, "latin1");
  block.write(octal(file.uid, 7), 108, "latin1");
  block.write(octal(file.gid, 7), 116, "latin1");
  block.write(octal(size, 11), 124, "latin1");
  block.write(octal(0, 11), 136, "latin1");
  // The checksum is taken with its own field full of spaces.
  block.write("        ", 148, "latin1");
  block.write("0", 156, "latin1");
  block.write("ustar\u000000", 257, "latin1");
  block.write(prefix, 345, "utf8");
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${octal(sum, 6)}\u0000 `, 148, "latin1");
  return block;
}

function splitName(path: string): { name: string; prefix: string } {
  if (Buffer.byteLength(path) <= NAME_BYTES) return { name: path, prefix: "" };
  for (let at = path.indexOf("/"); at >= 0; at = path.indexOf("/", at + 1)) {
    const prefix = path.slice(0, at);
    const name = path.slice(at + 1);
    if (Buffer.byteLength(name) <= NAME_BYTES && Buffer.byteLength(prefix) <= PREFIX_BYTES) return { name, prefix };
  }
  throw new Error(`the path /${path} is too long to be copied into a container: shorten the target`);
}

function octal(value: number, digits: number): string {
  return value.toString(8).padStart(digits, "0");
}
