import { createReadStream } from "node:fs";
import { Readable } from "node:stream";

/** One range of bytes as a request asks for it; "unsatisfiable" when nothing of it is there. */
export type ByteRange = { readonly start: number; readonly end: number } | "whole" | "unsatisfiable";

/** `bytes=0-99`, `bytes=100-`, `bytes=-50`. Several ranges, and what is no range, get the whole, as RFC 9110 allows. */
export function rangeOf(header: string | undefined, bytes: number): ByteRange {
  const match = /^bytes=(\d*)-(\d*)$/.exec(header ?? "");
  if (match === null) return "whole";
  const [, first = "", last = ""] = match;
  if (first === "" && last === "") return "whole";
  const start = first === "" ? Math.max(0, bytes - Number(last)) : Number(first);
  const end = first === "" || last === "" ? bytes - 1 : Math.min(Number(last), bytes - 1);
  if (first !== "" && last !== "" && Number(last) < Number(first)) return "whole";
  return start > end ? "unsatisfiable" : { start, end };
}

/** How many downloads may run at once. */
export interface Transfers {
  /** The bytes of a file from `start` to `end`, both included; undefined when too many are being sent. */
  begin(path: string, range: { readonly start: number; readonly end: number }): Readable | undefined;
}

// A session needs far more of a host's link than of this machine: 48 together fill a gigabit, and more only slow each other down.
const MOST_TRANSFERS = 48;
// A reader that takes nothing for so long is gone, or holds a place that another needs; it comes back with a range.
const IDLE_MS = 60_000;
const CHUNK_BYTES = 64 * 1024;

export function createTransfers(most: number = MOST_TRANSFERS, idleMs: number = IDLE_MS): Transfers {
  let running = 0;
  return {
    begin: (path, { start, end }) => {
      if (running >= most) return undefined;
      running += 1;
      const file = createReadStream(path, { start, end, highWaterMark: CHUNK_BYTES });
      // The stream that is sent, not the file: what reads the file stands still for as long as nobody takes what it has read.
      const giveUp = (): void => void stream.destroy(new Error("the reader took nothing for too long"));
      const options = { objectMode: false, highWaterMark: CHUNK_BYTES };
      const stream: Readable = Readable.from(awake(file, idleMs, giveUp), options);
      stream.once("close", () => {
        running -= 1;
        file.destroy();
      });
      return stream;
    },
  };
}

async function* awake(file: Readable, idleMs: number, giveUp: () => void): AsyncGenerator<Buffer> {
  for await (const chunk of file) {
    const timer = setTimeout(giveUp, idleMs);
    try {
      yield chunk as Buffer;
    } finally {
      clearTimeout(timer);
    }
  }
}
