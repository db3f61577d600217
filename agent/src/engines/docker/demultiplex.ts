import type { OutputChunk } from "../streams-engine.ts";

const HEADER_BYTES = 8;
const STDERR = 2;

/** Splits the engine's framed output into its two streams. Frames may come in any pieces; each piece is passed on as it comes. */
export async function* demultiplex(stream: AsyncIterable<unknown>): AsyncGenerator<OutputChunk, void> {
  let header = Buffer.alloc(0);
  let name: OutputChunk["stream"] = "stdout";
  let left = 0;
  for await (const piece of stream) {
    let rest = asBuffer(piece);
    while (rest.length > 0) {
      if (left > 0) {
        const bytes = rest.subarray(0, left);
        left -= bytes.length;
        rest = rest.subarray(bytes.length);
        yield { stream: name, bytes };
        continue;
      }
      const missing = HEADER_BYTES - header.length;
      header = Buffer.concat([header, rest.subarray(0, missing)]);
      rest = rest.subarray(missing);
      if (header.length < HEADER_BYTES) break;
      name = header[0] === STDERR ? "stderr" : "stdout";
      left = header.readUInt32BE(4);
      header = Buffer.alloc(0);
    }
  }
}

/** Output of a container with a tty, which is one unframed stream. */
export async function* unframed(stream: AsyncIterable<unknown>): AsyncGenerator<OutputChunk, void> {
  for await (const piece of stream) yield { stream: "stdout", bytes: asBuffer(piece) };
}

function asBuffer(piece: unknown): Buffer {
  return Buffer.isBuffer(piece) ? piece : Buffer.from(String(piece));
}
