import { once } from "node:events";
import type { Writable } from "node:stream";

/** Writes each message and waits while the reader's window is full, so that a slow reader holds the source back. */
export async function writeAll<Message>(
  stream: Writable,
  messages: AsyncIterable<Message>,
  signal: AbortSignal,
): Promise<void> {
  for await (const message of messages) {
    if (!stream.write(message)) await once(stream, "drain", { signal });
  }
}
