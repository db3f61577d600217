import { once } from "node:events";
import type { FastifyReply } from "fastify";
import type { ProblemBody } from "../problems.ts";

// Proxies close connections that are silent for a minute; a comment is not an event.
const HEARTBEAT_MS = 15_000;

export interface ServerSentItem {
  id: string | undefined;
  json: string;
}

/**
 * Writes the items as an event stream and waits for a slow reader before it asks for more. A failure becomes the last
 * event, `error`, with a problem as its data.
 */
export async function sendEvents(
  reply: FastifyReply,
  items: AsyncIterable<ServerSentItem>,
  options: { signal: AbortSignal; toBody: (error: unknown) => ProblemBody },
): Promise<void> {
  const response = reply.hijack().raw;
  response.writeHead(200, {
    ...(reply.getHeaders() as Record<string, string>),
    "content-type": "text/event-stream; charset=utf-8",
    "cache-control": "no-store",
    // nginx would collect events until its buffer is full.
    "x-accel-buffering": "no",
  });
  response.write(": open\n\n");
  const heartbeat = setInterval(() => {
    // A reader that does not even take these is waiting in `drain` below.
    if (!response.writableNeedDrain) response.write(": still here\n\n");
  }, HEARTBEAT_MS);
  try {
    for await (const item of items) {
      const id = item.id === undefined ? "" : `id: ${item.id.replaceAll(/[\r\n]/g, "")}\n`;
      if (!response.write(`${id}data: ${item.json}\n\n`)) await once(response, "drain", { signal: options.signal });
    }
  } catch (error) {
    if (!options.signal.aborted) response.write(`event: error\ndata: ${JSON.stringify(options.toBody(error))}\n\n`);
  } finally {
    clearInterval(heartbeat);
    response.end();
  }
}
