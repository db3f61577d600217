import type Docker from "dockerode";
import type { LogsRequest, OutputChunk } from "../streams-engine.ts";
import { asked } from "./connection.ts";
import { dial } from "./dial.ts";
import { demultiplex, unframed } from "./demultiplex.ts";
import { inspectContainer } from "./inspect.ts";

/** Output of a container, read no faster than it is taken. Ends when the container's output ends, or at once on abort. */
export async function* containerLogs(
  docker: Docker,
  containerId: string,
  request: LogsRequest,
): AsyncGenerator<OutputChunk, void> {
  const container = docker.getContainer(containerId);
  const inspected = await asked(() => inspectContainer(docker, containerId));
  const stream = await asked(() => openLogs(container, request));
  try {
    yield* inspected.Config.Tty ? unframed(stream) : demultiplex(stream);
  } catch (error) {
    if (!request.signal.aborted) throw error;
  } finally {
    stream.destroy();
  }
}

// With `follow: true` dockerode gives the stream itself; without, the whole output in memory, which a long log must never be.
function openLogs(
  container: Docker.Container,
  request: LogsRequest,
): Promise<NodeJS.ReadableStream & { destroy(): void }> {
  const query = {
    follow: request.follow,
    stdout: true,
    stderr: true,
    timestamps: request.timestamps,
    tail: request.tail ?? "all",
    ...(request.since === undefined ? {} : { since: request.since }),
    ...(request.until === undefined ? {} : { until: request.until }),
  };
  return dial(container, {
    path: `/containers/${container.id}/logs?`,
    method: "GET",
    isStream: true,
    abortSignal: request.signal,
    statusCodes: { 200: true, 404: "no such container", 500: "server error", 501: "the log driver cannot be read" },
    options: query,
  });
}
