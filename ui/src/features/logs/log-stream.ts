import type { ApiClient, LogLine } from "@windflow/proto/client";
import type { BufferedLine } from "./log-buffer.ts";

/** Where the reader begins. */
export interface LogStart {
  tail: number;
  /** Milliseconds since 1970; undefined begins at the tail. */
  sinceMs: number | undefined;
}
/** Hands over lines as they come, in batches, with how many were left out; resolves when the log has ended. */
export type ReadLines = (
  from: LogStart,
  signal: AbortSignal,
  onLines: (lines: BufferedLine[], dropped: number) => void,
) => Promise<void>;

/** The log of a container. */
export function containerLines(
  api: ApiClient,
  container: { organization: string; hostId: string; containerId: string },
): ReadLines {
  return async ({ tail, sinceMs }, signal, onLines) => {
    const since = sinceMs === undefined ? undefined : new Date(sinceMs).toISOString();
    const items = api.containers.streamLogs({ ...container, tail, since, follow: true }, { signal });
    for await (const { message } of items) onLines((message.lines ?? []).map(toBuffered), message.dropped ?? 0);
  };
}
function toBuffered(line: LogLine): BufferedLine {
  return { at: millisecondsOf(line.at), stderr: line.stream === "STREAM_STDERR", text: line.text ?? "" };
}
/** 0 when there is no time. */
export function millisecondsOf(at: string | undefined): number {
  const ms = at === undefined ? 0 : Date.parse(at);
  return Number.isNaN(ms) ? 0 : ms;
}
