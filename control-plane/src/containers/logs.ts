import type { LogChunk } from "@windflow/proto/agent";
import { LogLine_Stream, type LogLines, type StreamLogsRequest } from "@windflow/proto/api";
import type { ContainerGateway } from "./ports.ts";
import { problemOf } from "./stream-end.ts";

// A page of lines to begin with.
const DEFAULT_TAIL = 200;
const MOST_TAIL = 100_000;

/**
 * Log lines from the host as the reader takes them: a slow reader slows the host down, and what the host had to leave
 * out is counted in the next message.
 */
export async function* streamLogs(
  gateway: ContainerGateway,
  request: StreamLogsRequest,
  signal: AbortSignal,
): AsyncGenerator<LogLines> {
  const { hostId, containerId, follow, since, until } = request;
  // Whoever says since when wants all of it.
  const tail = request.tail || (since === undefined ? DEFAULT_TAIL : MOST_TAIL);
  const stream = await gateway.openStream(
    hostId,
    { $case: "logs", value: { containerId, follow, tail, since, until } },
    signal,
  );
  try {
    for await (const message of stream.messages) {
      if (message.$case === "end") {
        const problem = problemOf(message.value);
        if (problem !== undefined) throw problem;
        return;
      }
      if (message.$case !== "logs") continue;
      yield linesOf(message.value);
      // Only now has the reader taken them.
      await stream.send({ $case: "credit", value: textBytes(message.value) });
    }
  } finally {
    stream.close();
  }
}

function linesOf(chunk: LogChunk): LogLines {
  return {
    dropped: chunk.dropped,
    lines: chunk.entries.map(({ at, stderr, text }) => ({
      at,
      text,
      stream: stderr ? LogLine_Stream.STREAM_STDERR : LogLine_Stream.STREAM_STDOUT,
    })),
  };
}

function textBytes(chunk: LogChunk): bigint {
  return BigInt(chunk.entries.reduce((sum, entry) => sum + Buffer.byteLength(entry.text), 0));
}
