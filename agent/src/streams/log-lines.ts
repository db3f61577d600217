import type { LogEntry } from "@windflow/proto/agent";

/** A program that writes no line end must not fill the memory. */
const MAX_LINE_BYTES = 16 * 1024;
const NEWLINE = 10;
const TIMESTAMP = /^(\d{4}-\d\d-\d\dT[\d:.]+Z) ?/;

/** Cuts the engine's log output into entries; one for each of stdout and stderr. */
export interface LineCutter {
  cut(bytes: Buffer): LogEntry[];
  /** What stands without a line end when the stream is over. */
  rest(): LogEntry[];
}

/** @param stderr which of the two it is. Lines begin with their time, as the engine writes them when asked for timestamps. */
export function createLineCutter(stderr: boolean): LineCutter {
  let held: Buffer = Buffer.alloc(0);
  let lastTime: Date | undefined;

  const entry = (line: Buffer): LogEntry => {
    const text = line.toString().replace(/\r$/, "");
    const match = TIMESTAMP.exec(text);
    if (match !== null) lastTime = new Date(match[1] ?? "");
    // A piece of a line that was too long has the time of its beginning.
    return { at: lastTime, stderr, text: match === null ? text : text.slice(match[0].length) };
  };
  return {
    cut: (bytes) => {
      const entries: LogEntry[] = [];
      held = held.length === 0 ? bytes : Buffer.concat([held, bytes]);
      for (;;) {
        const newline = held.indexOf(NEWLINE);
        const end = newline < 0 ? held.length : newline;
        if (end > MAX_LINE_BYTES) {
          entries.push(entry(held.subarray(0, MAX_LINE_BYTES)));
          held = held.subarray(MAX_LINE_BYTES);
        } else if (newline >= 0) {
          entries.push(entry(held.subarray(0, newline)));
          held = held.subarray(newline + 1);
        } else {
          // A copy, so that a short rest does not keep a large chunk alive.
          held = Buffer.from(held);
          return entries;
        }
      }
    },
    rest: () => (held.length === 0 ? [] : [entry(held)]),
  };
}
