import type Docker from "dockerode";
import { asked } from "./connection.ts";
import { dialStream } from "./build-dial.ts";

/** The image as an archive, as it comes. */
export function save(docker: Docker, reference: string, signal: AbortSignal): Promise<AsyncIterable<Uint8Array>> {
  const path = `/images/${encodeURIComponent(reference)}/get`;
  return asked(() => dialStream<AsyncIterable<Uint8Array>>(docker, { method: "GET", path, abortSignal: signal }));
}
