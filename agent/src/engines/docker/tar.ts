import type { ContainerFile } from "../../reconcile/engine.ts";

const BLOCK = 512;
const NAME_BYTES = 100;
const PREFIX_BYTES = 155;

/** A ustar archive of the files, for extraction at `/`. Modification times are zero, so that equal files give equal bytes. */
export function tarOf(files: readonly ContainerFile[]): Buffer {
  const blocks = files.flatMap((file) => [
    header(file),
    file.content,
    Buffer.alloc((BLOCK - (file.content.length % BLOCK)) % BLOCK),
  ]);
  return Buffer.concat([...blocks, Buffer.alloc(2 * BLOCK)]);
}

function header(file: ContainerFile): Buffer {
  const block = Buffer.alloc(BLOCK);
  const { name, prefix } = splitName(file.path.replace(/^\/+/, ""));
  block.write(name, 0, "utf8");
  block.write(octal(file.mode, 7), 100, "latin1");
  block.write(octal(file.uid, 7), 108, "latin1");
  block.write(octal(file.gid, 7), 116, "latin1");
  block.write(octal(file.content.length, 11), 124, "latin1");
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
