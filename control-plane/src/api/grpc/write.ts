import { once } from "node:events";
import type { Writable } from "node:stream";
import { takeEach } from "../../platform/index.ts";

/** Writes each message and waits while the reader's window is full, so that a slow reader holds the source back. */
export function writeAll<Message>(
  stream: Writable,
  messages: AsyncIterable<Message>,
  signal: AbortSignal,
): Promise<void> {
  return takeEach(messages, (message) => stream.write(message) || once(stream, "drain", { signal }));
}
