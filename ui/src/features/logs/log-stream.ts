import type { ApiClient, LogLine } from "@windflow/proto/client";
import type { BufferedLine } from "./log-buffer.ts";

export interface LogRequest {
  organization: string;
  hostId: string;
  containerId: string;
  tail: number;
  /** Milliseconds since 1970; undefined begins at the tail. */
  sinceMs: number | undefined;
}
/** Hands over the lines of a container as they come, in batches; resolves when the container's log has ended. */
export async function readLogs(
  api: ApiClient,
  request: LogRequest,
  signal: AbortSignal,
  onLines: (lines: BufferedLine[], dropped: number) => void,
): Promise<void> {
  const { organization, hostId, containerId, tail, sinceMs } = request;
  const since = sinceMs === undefined ? undefined : new Date(sinceMs).toISOString();
  const items = api.containers.streamLogs({ organization, hostId, containerId, tail, since, follow: true }, { signal });
  for await (const { message } of items) onLines((message.lines ?? []).map(toBuffered), message.dropped ?? 0);
}
function toBuffered(line: LogLine): BufferedLine {
  const at = line.at === undefined ? 0 : Date.parse(line.at);
  return { at: Number.isNaN(at) ? 0 : at, stderr: line.stream === "STREAM_STDERR", text: line.text ?? "" };
}
