import { StringDecoder } from "node:string_decoder";

// One message of the engine; a longer one is no JSON of the Engine API.
const MAXIMUM_LINE_CHARACTERS = 4 * 1024 * 1024;

/** The values of a stream of JSON lines, as the engine sends events and the progress of a pull. */
export async function* parseLines(stream: AsyncIterable<unknown>): AsyncGenerator<unknown, void> {
  const decoder = new StringDecoder("utf8");
  let pending = "";
  for await (const chunk of stream) {
    pending += Buffer.isBuffer(chunk) ? decoder.write(chunk) : textOf(chunk);
    const lines = pending.split("\n");
    pending = lines.pop() ?? "";
    if (pending.length > MAXIMUM_LINE_CHARACTERS) throw new Error("the engine sent a line longer than 4 MiB");
    for (const line of lines) if (line.trim() !== "") yield JSON.parse(line);
  }
  if (pending.trim() !== "") yield JSON.parse(pending);
}

/** Text of a value that ought to be one; anything else but a number reads as empty. */
export function textOf(value: unknown): string {
  return typeof value === "string" ? value : typeof value === "number" ? String(value) : "";
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
